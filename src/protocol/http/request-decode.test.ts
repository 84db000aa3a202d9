import { describe, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { decodeStrings } from '../../tensor/index.ts';
import { type DecodeOptions, decodeInferRequest, parseHeaderLength } from '../index.ts';

const target = { model: 'm', version: '3' };

/** Decodes a body of JSON (text or object) and binary bytes. */
function decode(json: unknown, binary?: Uint8Array, options?: DecodeOptions) {
  const header = new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json));
  if (!binary) return decodeInferRequest(header, undefined, target, options);
  const body = new Uint8Array(header.length + binary.length);
  body.set(header);
  body.set(binary, header.length);
  return decodeInferRequest(body, header.length, target, options);
}

const input = (more: object, datatype = 'FP32', shape = [2]) => ({
  inputs: [{ name: 'x', shape, datatype, ...more }],
});
const first = (json: unknown, binary?: Uint8Array) => decode(json, binary).inputs[0]!.data;

/** The error's status, code and message. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConchError) return `${error.status} ${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('a JSON request', () => {
  test('becomes a request with all that it says', () => {
    const { inputs, outputEncodings, ...rest } = decode({
      model_name: 'ignored',
      id: 'r1',
      parameters: {
        sequence_id: 7,
        sequence_start: true,
        priority: 2,
        timeout: 5000,
        custom: 'c',
        n: 1,
        f: 0.5,
        b: false,
      },
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, -2.5], more: { ignored: [1] } }],
      outputs: [
        { name: 'y', parameters: { binary_data: true } },
        { name: 'z', parameters: { classification: 3 } },
      ],
    });
    expect(inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, -2.5) }]);
    expect(rest).toMatchObject({
      model: 'm',
      version: '3',
      id: 'r1',
      outputs: [{ name: 'y' }, { name: 'z', classification: 3 }],
      sequence: { id: 7, start: true, end: false },
      priority: 2,
      timeoutMicroseconds: 5000,
    });
    expect({ ...rest.parameters }).toEqual({ custom: 'c', n: 1, f: 0.5, b: false });
    expect(outputEncodings).toEqual(
      new Map([
        ['y', 'binary'],
        ['z', 'json'],
      ]),
    );
  });

  test('may name members in any order and nest data in any way', () => {
    const json = '{"inputs":[{"data":[[1],[[2,3]],[],4],"datatype":"INT8","shape":[2,2],"name":"x"}]}';
    expect(first(json)).toEqual(Int8Array.of(1, 2, 3, 4));
    expect(first(input({ data: [[[5]], 6] }))).toEqual(Float32Array.of(5, 6));
  });

  test('takes the first of members of equal name', () => {
    const json =
      '{"inputs":[{"name":"x","name":"y","shape":[1],"shape":[9],"datatype":"INT8","data":[1],"data":[2]}],"inputs":3,"id":"a","id":"b"}';
    const { inputs, id } = decode(json);
    expect(inputs).toEqual([{ name: 'x', datatype: 'INT8', shape: [1], data: Int8Array.of(1) }]);
    expect(id).toBe('a');
  });

  test('has no reach beyond itself through hostile names', () => {
    const json =
      '{"__proto__":{"id":"p"},"inputs":[{"__proto__":{"name":"p"},"name":"x","shape":[1],"datatype":"INT8","data":[1]}],"parameters":{"__proto__":"v"}}';
    const request = decode(json);
    expect(request.id).toBeUndefined();
    expect(Object.entries(request.parameters!)).toEqual([['__proto__', 'v']]);
    expect(({} as Record<string, unknown>).id).toBeUndefined();
  });
});

describe('elements', () => {
  test.each([
    ['BOOL', [true, false], Uint8Array.of(1, 0)],
    ['UINT8', [255, 256], Uint8Array.of(255, 0)],
    ['UINT16', [65535, 65536], Uint16Array.of(65535, 0)],
    ['UINT32', [4294967295, 4294967297], Uint32Array.of(4294967295, 1)],
    ['INT8', [-128, 300], Int8Array.of(-128, 44)],
    ['INT16', [-1, 32768], Int16Array.of(-1, -32768)],
    ['INT32', [-2147483648, 2147483648], Int32Array.of(-2147483648, -2147483648)],
    ['INT64', [-1, 9007199254740991], BigInt64Array.of(-1n, 9007199254740991n)],
    ['INT64', [-4294967297, 4294967296], BigInt64Array.of(-4294967297n, 4294967296n)],
    ['UINT64', [0, 9007199254740991], BigUint64Array.of(0n, 9007199254740991n)],
    ['FP32', [0.1, 1e39], Float32Array.of(0.1, Number.POSITIVE_INFINITY)],
    ['FP64', [0.1, 1], Float64Array.of(0.1, 1)],
  ])('of %s', (datatype, data, expected) => {
    expect(first(input({ data }, datatype))).toEqual(expected);
  });

  test('of 64 bits are exact', () => {
    const body = (datatype: string, data: string) =>
      `{"inputs":[{"name":"x","shape":[2],"datatype":"${datatype}","data":[${data}]}]}`;
    expect(first(body('INT64', '9223372036854775807,-9223372036854775808'))).toEqual(
      BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)),
    );
    expect(first(body('UINT64', '18446744073709551615,9007199254740993'))).toEqual(
      BigUint64Array.of(2n ** 64n - 1n, 9007199254740993n),
    );
    expect(first(body('INT32', '9007199254740993,-9007199254740993'))).toEqual(Int32Array.of(1, -1));
    expect(refusal(() => decode(body('INT64', '1,9223372036854775808')))).toMatch(
      /^INTERNAL .* 9223372036854775808 does not fit 64 bits with sign at byte \d+$/,
    );
    expect(refusal(() => decode(body('UINT64', '1,18446744073709551616')))).toMatch(/an unsigned integer, got 1844/);
  });

  test('of FP32 and FP64 may be NaN and infinite', () => {
    const json = '{"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[NaN,-Inf,Infinity]}]}';
    expect(first(json)).toEqual(Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));
  });

  test('of BYTES keep the bytes of their strings', () => {
    const texts = ['Umsatz stieg um 5 €', '', 'a"\\\n\u0000😀'];
    expect(decodeStrings(first(input({ data: texts }, 'BYTES', [3])) as Uint8Array)).toEqual(texts);
    const escaped = '{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\\u20ac\\ud83d\\ude00\\/"]}]}';
    expect(decodeStrings(first(escaped) as Uint8Array)).toEqual(['€😀/']);
    const many = Array.from({ length: 500 }, (_, index) => `text ${index}`);
    expect(decodeStrings(first(input({ data: many }, 'BYTES', [500])) as Uint8Array)).toEqual(many);
  });

  test.each([
    ['BOOL', [1, 0], 'a BOOL element must be true or false, got 1'],
    ['INT32', [1, 1.5], 'an integer element must be an integer, got 1.5'],
    ['UINT8', [1, -1], 'an unsigned element must be an unsigned integer, got -1'],
    ['INT8', [true, 1], 'an integer element must be a number, got true'],
    ['FP32', ['1', 2], 'an FP32 element must be a number, got a string'],
    ['FP64', [null, 2], 'an FP64 element must be a number, got null'],
    ['FP32', [{}, 2], 'an FP32 element must be a number, got an object'],
    ['BYTES', ['a', 2], 'a BYTES element must be a string, got 2'],
  ])('of %s that are %j are malformed', (datatype, data, message) => {
    const found = refusal(() => decode(input({ data }, datatype)));
    expect(found).toMatch(/^INTERNAL REQUEST_MALFORMED request JSON: /);
    expect(found).toContain(message);
  });

  test('1.0 is no integer', () => {
    const json = '{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1.0]}]}';
    expect(refusal(() => decode(json))).toContain('an integer element must be an integer, got 1.0');
  });

  test('have to be as many as the shape says', () => {
    const found = (data: unknown, shape: number[], datatype = 'FP32') =>
      refusal(() => decode(input({ data }, datatype, shape)));
    const prefix = "INTERNAL REQUEST_MALFORMED request JSON: 'data' of tensor 'x' has";
    expect(found([1], [2])).toBe(`${prefix} 1 elements, shape [2] needs 2, at byte 60`);
    expect(found([1, [2, 3]], [2])).toContain(`${prefix} 3 elements, shape [2] needs 2,`);
    expect(found(['a'], [2], 'BYTES')).toContain(`${prefix} 1 elements`);
    // Nothing is allocated for a shape that the body cannot fill.
    expect(found([1], [2, 3_000_000])).toContain(`${prefix} 1 elements, shape [2,3000000] needs 6000000,`);
  });

  test('of an empty tensor are not looked at', () => {
    expect(first(input({ data: [] }, 'FP32', [0]))).toEqual(new Float32Array(0));
    expect(first(input({ data: ['whatever'] }, 'INT64', [2, 0]))).toEqual(new BigInt64Array(0));
  });

  test('nest less than a hundred levels deep', () => {
    const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
    const body = (levels: number) => `{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":${nested(levels)}}]}`;
    expect(first(body(99))).toEqual(Int8Array.of(1));
    expect(refusal(() => decode(body(100)))).toBe(
      "INVALID_ARG REQUEST_INVALID tensor 'x': 'data' is nested more than 99 levels deep",
    );
    expect(refusal(() => decode(body(1_000_000)))).toContain('more than 99 levels deep');
  });

  test.each(['FP16', 'BF16'])('of %s cannot come as JSON', (datatype) => {
    expect(refusal(() => decode(input({ data: [1, 2] }, datatype)))).toBe(
      `INVALID_ARG REQUEST_INVALID tensor 'x': ${datatype} cannot be sent as JSON`,
    );
  });
});

describe('binary data', () => {
  const size = (bytes: number) => ({ parameters: { binary_data_size: bytes } });

  test('follows the JSON in the order of the inputs', () => {
    const a = Float32Array.of(1, 2);
    const b = Uint8Array.of(1, 0, 1);
    const binary = new Uint8Array(11);
    binary.set(new Uint8Array(a.buffer));
    binary.set(b, 8);
    const { inputs } = decode(
      {
        inputs: [
          { name: 'a', shape: [2], datatype: 'FP32', ...size(8) },
          { name: 'j', shape: [1], datatype: 'INT8', data: [9] },
          { name: 'b', shape: [3], datatype: 'BOOL', ...size(3) },
          { name: 'z', shape: [0], datatype: 'FP64', ...size(0) },
        ],
      },
      binary,
    );
    expect(inputs.map((tensor) => tensor.data)).toEqual([a, Int8Array.of(9), b, new Float64Array(0)]);
  });

  test('is viewed in place where it is aligned, in a Buffer too', () => {
    const json = `${JSON.stringify(input(size(8)))}   `;
    const padded = json.padEnd(Math.ceil(json.length / 4) * 4);
    const body = Buffer.alloc(padded.length + 8);
    body.write(padded);
    body.writeFloatLE(7, padded.length);
    const [x] = decodeInferRequest(body, padded.length, target).inputs;
    expect(x!.data.buffer).toBe(body.buffer);
    expect(x!.data).toEqual(Float32Array.of(7, 0));
    // One byte later it has to be copied, which must not change it.
    const shifted = Buffer.concat([Buffer.from(' '), body]);
    expect(decodeInferRequest(shifted, padded.length + 1, target).inputs[0]!.data).toEqual(Float32Array.of(7, 0));
  });

  test.each(['FP16', 'BF16'])('carries %s as bit patterns', (datatype) => {
    expect(first(input(size(4), datatype), Uint8Array.of(0, 0x3c, 1, 0))).toEqual(Uint16Array.of(0x3c00, 1));
  });

  test('has to be neither short nor long, nor other than the shape', () => {
    const eight = new Uint8Array(8);
    expect(refusal(() => decode(input(size(9)), eight))).toBe(
      "INVALID_ARG REQUEST_INVALID input 'x': 'binary_data_size' is 9, but only 8 bytes of binary data are left",
    );
    expect(refusal(() => decode(input(size(4), 'FP32', [1]), eight))).toBe(
      "INVALID_ARG REQUEST_INVALID model 'm': 4 bytes of binary data follow that no input claims",
    );
    expect(refusal(() => decode(input(size(8), 'FP32', [3]), eight))).toBe(
      "INVALID_ARG REQUEST_INVALID input 'x': 8 bytes hold 2 FP32 elements, shape [3] needs 3",
    );
    expect(refusal(() => decode(input(size(7)), new Uint8Array(7)))).toBe(
      'INVALID_ARG REQUEST_INVALID 7 bytes are not a whole number of FP32 elements',
    );
    expect(refusal(() => decode(input(size(-1)), eight))).toMatch(
      /^INTERNAL .* 'binary_data_size' must be an unsigned integer, got -1 at byte/,
    );
  });
});

test('an input has exactly one source of data', () => {
  const source = (more: object) => refusal(() => decode(input(more)));
  const rule =
    "INVALID_ARG REQUEST_INVALID input 'x': needs one of 'data' and the parameters 'binary_data_size' and 'shared_memory_region', got";
  const region = { shared_memory_region: 'r', shared_memory_byte_size: 8 };
  expect(source({})).toBe(`${rule} none of them`);
  expect(source({ data: [1, 2], parameters: { binary_data_size: 8 } })).toBe(`${rule} 'data' and 'binary_data_size'`);
  expect(source({ data: [1, 2], parameters: region })).toBe(`${rule} 'data' and 'shared_memory_region'`);
  expect(source({ parameters: { binary_data_size: 8, ...region } })).toBe(
    `${rule} 'binary_data_size' and 'shared_memory_region'`,
  );
  expect(source({ parameters: region })).toBe(
    "NOT_FOUND REQUEST_INVALID input 'x': no shared memory region 'r' is registered",
  );
  expect(refusal(() => decode({ inputs: [{ shape: [1] }] }))).toContain('REQUEST_INVALID inputs[0]: needs one of');
});

test.each([
  ['not JSON', 'request JSON: the request must be an object, got not at byte 0'],
  ['[]', 'request JSON: the request must be an object, got an array at byte 0'],
  ['{}', "request JSON: the request has no 'inputs' at byte 2"],
  ['{"inputs":{}}', "request JSON: 'inputs' must be an array, got an object at byte 10"],
  ['{"inputs":[1]}', 'request JSON: an input must be an object, got 1 at byte 11'],
  ['{"inputs":[{"data":[]}]}', "request JSON: inputs[0] has no 'name' at byte 22"],
  ['{"inputs":[{"name":"x","data":[]}]}', "request JSON: input 'x' has no 'datatype' at byte 33"],
  ['{"inputs":[{"name":"x","datatype":"INT8","data":[]}]}', "request JSON: input 'x' has no 'shape' at byte 51"],
  ['{"inputs":[{"name":5}]}', "request JSON: 'name' of an input must be a string, got 5 at byte 19"],
  ['{"inputs":[{"shape":[-1]}]}', "a dimension of 'shape' must be an unsigned integer, got -1 at byte 21"],
  ['{"inputs":[{"shape":[1.5]}]}', "a dimension of 'shape' must be an unsigned integer, got 1.5 at byte 21"],
  ['{"inputs":[{"shape":3}]}', "'shape' of an input must be an array, got 3 at byte 20"],
  ['{"inputs":[{"parameters":[]}]}', "'parameters' of an input must be an object, got an array"],
  ['{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":1}]}', "'data' must be an array, got 1"],
  ['{"inputs":[],"outputs":{}}', "'outputs' must be an array, got an object"],
  ['{"inputs":[],"outputs":[{}]}', "outputs[0] has no 'name'"],
  ['{"inputs":[],"outputs":[{"name":"y","parameters":{"binary_data":1}}]}', "'binary_data' must be true or false"],
  ['{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":"2"}}]}', "'classification' must be a number"],
  ['{"inputs":[],"id":7}', "'id' must be a string, got 7"],
  ['{"inputs":[],"parameters":[]}', "'parameters' must be an object, got an array"],
  ['{"inputs":[],"parameters":{"sequence_id":-1}}', "'sequence_id' must be an unsigned integer, got -1"],
  ['{"inputs":[],"parameters":{"sequence_start":1}}', "'sequence_start' must be true or false, got 1"],
  ['{"inputs":[],"parameters":{"sequence_end":1}}', "'sequence_end' must be true or false, got 1"],
  ['{"inputs":[],"parameters":{"priority":0.5}}', "'priority' must be an unsigned integer, got 0.5"],
  ['{"inputs":[],"parameters":{"timeout":"1"}}', "'timeout' must be a number, got a string"],
  ['{"inputs":[],"parameters":{"binary_data_output":0}}', "'binary_data_output' must be true or false, got 0"],
  ['{"inputs":[]} x', 'unexpected text after the value at byte 14'],
])('%s is malformed, which Triton answers with 500', (json, message) => {
  const found = refusal(() => decode(json));
  expect(found).toMatch(/^INTERNAL REQUEST_MALFORMED /);
  expect(found).toContain(message);
});

test.each([
  [{ inputs: [], parameters: { triton_x: 1 } }, "parameter 'triton_x': keys that start with 'triton_' are reserved"],
  [{ inputs: [], parameters: { a: null } }, "parameter 'a' must be a string, a number or a boolean, got null"],
  [{ inputs: [], parameters: { a: [1] } }, "parameter 'a' must be a string, a number or a boolean, got an array"],
  [{ inputs: [], parameters: { a: {} } }, "parameter 'a' must be a string, a number or a boolean, got an object"],
  [{ inputs: [], outputs: [{ name: 'y' }, { name: 'y' }] }, "output 'y' is listed twice"],
  [{ inputs: [...input({ data: [1, 2] }).inputs, ...input({ data: [1, 2] }).inputs] }, "input 'x' is listed twice"],
  [input({ data: [1, 2] }, 'FLOAT'), "input 'x': unknown datatype 'FLOAT'"],
  [input({ data: [] }, 'FP32', new Array(65).fill(0)), "'shape' has more than 64 dimensions"],
  [
    { inputs: [], outputs: [{ name: 'y', parameters: { shared_memory_region: 'r', classification: 1 } }] },
    "output 'y': 'shared_memory_region' and 'classification' exclude each other",
  ],
  [
    { inputs: [], outputs: [{ name: 'y', parameters: { shared_memory_region: 'r', binary_data: true } }] },
    "output 'y': 'shared_memory_region' and 'binary_data' exclude each other",
  ],
  [
    { inputs: [], outputs: Array.from({ length: 4097 }, (_, index) => ({ name: `y${index}` })) },
    'a request may list at most 4096 outputs',
  ],
])('contradictions are invalid: case %#', (json, message) => {
  expect(refusal(() => decode(json))).toBe(`INVALID_ARG REQUEST_INVALID ${message}`);
});

describe('shared memory', () => {
  const part = { shared_memory_region: 'r', shared_memory_byte_size: 8, shared_memory_offset: 4 };

  test('holds an input, which is read when the request is', () => {
    const asked: unknown[] = [];
    const readShared: DecodeOptions['readShared'] = (place) => {
      asked.push(place);
      return new Uint8Array(Float32Array.of(1, 2).buffer);
    };
    const { inputs } = decode(input({ parameters: part }), undefined, { readShared });
    expect([...inputs[0]!.data]).toEqual([1, 2]);
    expect(asked).toEqual([{ region: 'r', offset: 4, byteSize: 8 }]);
    const short: DecodeOptions = { readShared: () => new Uint8Array(4) };
    expect(refusal(() => decode(input({ parameters: part }), undefined, short))).toBe(
      "INVALID_ARG REQUEST_INVALID input 'x': 4 bytes hold 1 FP32 elements, shape [2] needs 2",
    );
  });

  test('takes an output', () => {
    const { outputEncodings } = decode({ inputs: [], outputs: [{ name: 'y', parameters: part }] });
    expect(outputEncodings).toEqual(new Map([['y', { region: 'r', offset: 4, byteSize: 8 }]]));
  });

  test('needs a size', () => {
    const json = { inputs: [], outputs: [{ name: 'y', parameters: { shared_memory_region: 'r' } }] };
    const rule = "'shared_memory_region' needs 'shared_memory_byte_size'";
    expect(refusal(() => decode(json))).toBe(`INVALID_ARG REQUEST_INVALID output 'y': ${rule}`);
    expect(refusal(() => decode(input({ parameters: { shared_memory_region: 'r' } })))).toBe(
      `INVALID_ARG REQUEST_INVALID input 'x': ${rule}`,
    );
  });
});

test('a custom integer has to fit 64 bits with sign', () => {
  expect(refusal(() => decode('{"inputs":[],"parameters":{"a":18446744073709551615}}'))).toBe(
    "INVALID_ARG REQUEST_INVALID parameter 'a': 18446744073709551615 does not fit 64 bits with sign",
  );
  expect(decode('{"inputs":[],"parameters":{"a":9223372036854775807}}').parameters!.a).toBe(2n ** 63n - 1n);
});

test('sequence ids may be text, and 64 bits wide', () => {
  const sequence = (id: string) => decode(`{"inputs":[],"parameters":{"sequence_id":${id}}}`).sequence;
  expect(sequence('"abc"')).toEqual({ id: 'abc', start: false, end: false });
  expect(sequence('18446744073709551615')).toEqual({ id: 2n ** 64n - 1n, start: false, end: false });
});

test('binary_data_output counts only for outputs that are not listed', () => {
  const parameters = { binary_data_output: true };
  expect(decode({ inputs: [], parameters }).outputEncodings).toBe('binary');
  expect(decode({ inputs: [], parameters, outputs: [] }).outputEncodings).toBe('binary');
  expect(decode({ inputs: [], parameters, outputs: [{ name: 'y' }] }).outputEncodings).toEqual(
    new Map([['y', 'json']]),
  );
  expect(decode({ inputs: [] }).outputEncodings).toBe('json');
});

test('sizes are limited', () => {
  const options = { maxInputBytes: 100 };
  expect(refusal(() => decode(input({ data: [1, 2], more: 'x'.repeat(100) }), undefined, options))).toMatch(
    /^INVALID_ARG REQUEST_TOO_LARGE the request's JSON has \d+ bytes, the limit is 100$/,
  );
  expect(refusal(() => decode(input({ data: [1] }, 'FP64', [1000]), undefined, options))).toBe(
    "INVALID_ARG REQUEST_TOO_LARGE tensor 'x': shape [1000] of FP64 needs 8000 bytes, the limit is 100",
  );
  const header = new TextEncoder().encode('{"inputs":[]}');
  const body = new Uint8Array(header.length + 200);
  body.set(header);
  // The binary section of a request is not bound by the option, as in Triton.
  expect(refusal(() => decodeInferRequest(body, header.length, target, options))).toContain('no input claims');
});

test('strings may not take more than the limit, framing included', () => {
  const json = JSON.stringify(input({ data: new Array(100).fill('x') }, 'BYTES', [100]));
  expect(json.length).toBeLessThan(490);
  expect(refusal(() => decode(json, undefined, { maxInputBytes: 490 }))).toBe(
    "INVALID_ARG REQUEST_TOO_LARGE tensor 'x': its strings need more than the limit of 490 bytes",
  );
  expect(refusal(() => decode(json, undefined, { maxInputBytes: 500 }))).toBe('accepted');
});

describe('the header length', () => {
  test('is a number of bytes', () => {
    expect(parseHeaderLength(undefined)).toBeUndefined();
    expect(parseHeaderLength('120')).toBe(120);
    for (const text of ['-1', 'abc', '', '1.5', '1e3', '99999999999999999999']) {
      expect(refusal(() => parseHeaderLength(text))).toBe(
        `INVALID_ARG REQUEST_INVALID Inference-Header-Content-Length must be a number of bytes, got '${text}'`,
      );
    }
  });

  test('lies within the body', () => {
    expect(refusal(() => decodeInferRequest(new Uint8Array(3), 4, target))).toBe(
      'INVALID_ARG REQUEST_INVALID the inference header is said to be 4 bytes long, the body has 3',
    );
  });

  test('cuts the JSON where it says', () => {
    const body = new TextEncoder().encode('{"inputs":[]}');
    expect(refusal(() => decodeInferRequest(body, 5, target))).toContain('a string has no closing quote at byte 1');
  });
});

describe('a raw request', () => {
  const raw = (
    body: Uint8Array,
    signature: ReturnType<NonNullable<DecodeOptions['rawSignature']>>,
    maxInputBytes = 99,
  ) => decodeInferRequest(body, 0, target, { rawSignature: () => signature, maxInputBytes });
  const model = (datatype: 'FP32' | 'BYTES' | 'INT8', dims: number[], batching = true) => ({
    batching,
    inputs: [{ name: 'x', datatype, dims }],
  });

  test('is all data of the only input', () => {
    const body = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const { inputs, outputEncodings, model: name } = raw(body, model('FP32', [2, -1]));
    expect(inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4) }]);
    expect(outputEncodings).toBe('binary');
    expect(name).toBe('m');
    expect(raw(body, model('FP32', [4], false)).inputs[0]!.shape).toEqual([4]);
    const [text] = raw(new TextEncoder().encode('Hallo'), model('BYTES', [1])).inputs;
    expect(text!.shape).toEqual([1, 1]);
    expect(decodeStrings(text!.data as Uint8Array)).toEqual(['Hallo']);
  });

  test('is what an empty body means', () => {
    const options = { rawSignature: () => model('INT8', [-1]) };
    expect(decodeInferRequest(new Uint8Array(0), undefined, target, options).inputs[0]!.shape).toEqual([1, 0]);
  });

  test('has to fit the model', () => {
    const four = new Uint8Array(4);
    expect(refusal(() => decodeInferRequest(four, 0, target))).toBe(
      'UNSUPPORTED NOT_SUPPORTED requests without JSON are not supported here',
    );
    expect(refusal(() => raw(four, { batching: true, inputs: [] }))).toBe(
      "INVALID_ARG REQUEST_INVALID model 'm' has 0 inputs; a raw request needs a model with one",
    );
    expect(refusal(() => raw(four, model('FP32', [-1, -1])))).toBe(
      "INVALID_ARG REQUEST_INVALID input 'x': dims [-1,-1] have 2 variable dimensions; a raw request can fill only one",
    );
    expect(refusal(() => raw(four, model('BYTES', [2])))).toBe(
      "INVALID_ARG REQUEST_INVALID input 'x': a raw request carries one BYTES element, dims [2] need more",
    );
    expect(refusal(() => raw(four, model('FP32', [2])))).toBe(
      "INVALID_ARG REQUEST_INVALID input 'x': 4 bytes do not fill dims [2] of FP32, a row has 8",
    );
    expect(refusal(() => raw(new Uint8Array(100), model('INT8', [-1])))).toBe(
      'INVALID_ARG REQUEST_TOO_LARGE the raw input has 100 bytes, the limit is 99',
    );
  });
});
