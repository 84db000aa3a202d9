import { expect, test } from 'vitest';
import { createTensor, type Datatype, datatypes, stringTensor, type Tensor } from '../../tensor/index.ts';
import {
  decodeInferRequest,
  decodeInferResponse,
  encodeInferRequest,
  encodeInferResponse,
  type InferenceRequest,
  type InferenceResponse,
  joinBody,
  type TensorEncoding,
} from '../index.ts';

const half = new Set<Datatype>(['FP16', 'BF16']);

/** One tensor of every data type, with the values at its edges. */
function tensorOf(datatype: Datatype): Tensor {
  if (datatype === 'BYTES') return stringTensor(datatype, [2, 1], ['Gewinn "gestiegen" \\ 5 €', '']);
  const { array } = datatypes[datatype];
  const values = { BOOL: [0, 1], FP32: [Math.fround(0.1), -0], FP64: [1e300, 0.1] }[datatype as string] ?? [0, 100];
  const data = new array(2) as Float64Array;
  for (let index = 0; index < 2; index++) {
    data[index] = (datatype.endsWith('64') && datatype !== 'FP64' ? BigInt(values[index]!) : values[index]!) as number;
  }
  return createTensor(datatype, datatype, [2, 1], data);
}

function through(request: InferenceRequest, inputs: TensorEncoding, outputs: TensorEncoding) {
  const body = encodeInferRequest(request, { inputs, outputs });
  const bytes = joinBody(body);
  expect(bytes.length).toBe(body.byteLength);
  return decodeInferRequest(bytes, body.binary.length > 0 ? body.jsonLength : undefined, { model: request.model });
}

function back(response: InferenceResponse, encoding: TensorEncoding): InferenceResponse {
  const body = encodeInferResponse(response, encoding);
  return decodeInferResponse(joinBody(body), body.binary.length > 0 ? body.jsonLength : undefined);
}

test.each(['json', 'binary'] as const)('requests of every data type survive %s', (encoding) => {
  const names = (Object.keys(datatypes) as Datatype[]).filter((name) => encoding === 'binary' || !half.has(name));
  const inputs = names.map(tensorOf);
  expect(through({ model: 'm', inputs }, encoding, 'json').inputs).toEqual(inputs);
});

test.each(['json', 'binary'] as const)('responses of every data type survive %s', (encoding) => {
  const names = (Object.keys(datatypes) as Datatype[]).filter((name) => encoding === 'binary' || !half.has(name));
  const response = { model: 'm', version: '2', id: 'é', outputs: names.map(tensorOf), parameters: { a: 1, b: 'x' } };
  const { parameters, ...rest } = back(response, encoding);
  expect({ ...rest, parameters: { ...parameters } }).toEqual(response);
});

test('what a request asks for survives', () => {
  const request: InferenceRequest = {
    model: 'm',
    id: 'r"1',
    inputs: [tensorOf('FP32')],
    outputs: [{ name: 'y', classification: 2 }, { name: 'z' }],
    parameters: { text: 'x', whole: 3, big: 2n ** 60n, fraction: 0.25, flag: false },
    sequence: { id: 2n ** 63n, start: true, end: true },
    priority: 3,
    timeoutMicroseconds: 1000,
  };
  const { parameters, outputEncodings, version, signal, ...rest } = through(request, 'binary', 'binary');
  expect({ ...rest, parameters: { ...parameters } }).toEqual(request);
  expect(outputEncodings).toEqual(
    new Map([
      ['y', 'binary'],
      ['z', 'binary'],
    ]),
  );
  expect(through({ model: 'm', inputs: [] }, 'json', 'binary').outputEncodings).toBe('binary');
  expect(through({ model: 'm', inputs: [] }, 'json', 'json').outputEncodings).toBe('json');
});

test('an answer in JSON reads as Triton writes it', () => {
  const response = (data: Float32Array | Float64Array, datatype: Datatype = 'FP32'): string =>
    encodeInferResponse(
      { model: 'm', version: '1', outputs: [{ name: 'y', datatype, shape: [data.length], data }] },
      'json',
    ).json;
  expect(response(Float32Array.of(0.1, 0.25))).toBe(
    '{"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"FP32","shape":[2],"data":[0.10000000149011612,0.25]}]}',
  );
  expect(response(Float64Array.of(1, -0, 1e21, 1e20, 1e-7, 0.1), 'FP64')).toContain(
    '"data":[1.0,-0.0,1e21,100000000000000000000.0,1e-7,0.1]',
  );
  expect(response(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY))).toContain(
    '"data":[NaN,Infinity,-Infinity]',
  );
  expect(response(new Float32Array(0))).toContain('"shape":[0],"data":[]');
});

test('listed outputs go out as each was asked for', () => {
  const outputs = [tensorOf('FP32'), tensorOf('INT64'), tensorOf('BYTES')];
  const encodings = new Map<string, TensorEncoding>([['INT64', 'binary']]);
  const body = encodeInferResponse({ model: 'm', version: '1', outputs }, encodings);
  expect(body.binary.map((part) => part.length)).toEqual([16]);
  expect(body.json).toContain('"name":"INT64","datatype":"INT64","shape":[2,1],"parameters":{"binary_data_size":16}');
  expect(decodeInferResponse(joinBody(body), body.jsonLength).outputs).toEqual(outputs);
});

test('an answer of empty binary outputs has no binary section', () => {
  const empty: Tensor = { name: 'y', datatype: 'FP32', shape: [0], data: new Float32Array(0) };
  const body = encodeInferResponse({ model: 'm', version: '1', outputs: [empty] }, 'binary');
  expect(body.binary).toEqual([]);
  expect(decodeInferResponse(joinBody(body), undefined).outputs).toEqual([empty]);
});

test.each(['FP16', 'BF16'] as const)('%s does not go out as JSON', (datatype) => {
  const outputs = [tensorOf(datatype)];
  expect(() => encodeInferResponse({ model: 'm', version: '1', outputs }, 'json')).toThrow(
    `tensor '${datatype}': ${datatype} cannot be sent as JSON`,
  );
  expect(() => encodeInferRequest({ model: 'm', inputs: outputs }, { inputs: 'json' })).toThrow(
    'cannot be sent as JSON',
  );
});

test('an output that is not as long as its shape is a defect', () => {
  const broken: Tensor = { name: 'y', datatype: 'INT8', shape: [3], data: new Int8Array(2) };
  expect(() => encodeInferResponse({ model: 'm', version: '1', outputs: [broken] }, 'json')).toThrow(
    "tensor 'y': shape [3] needs 3 elements, got 2",
  );
});

test('a broken answer is told apart from a refused request', () => {
  const decode = (json: string, headerLength?: number) =>
    decodeInferResponse(new TextEncoder().encode(json), headerLength);
  const head = '{"model_name":"m","model_version":"1","outputs":[';
  const cases: [json: string, message: string, headerLength?: number][] = [
    ['<html>', 'response JSON: the response must be an object, got byte 0x3c at byte 0'],
    ['{}', "response JSON: the response has no 'model_name' at byte 2"],
    ['{}', "the server's answer is broken: its JSON is said to be 9 bytes long, the body has 2", 9],
    [`${head}{"name":"y"}]}`, "response JSON: an output has no 'name' or no 'datatype'"],
    [`${head}{"name":"y","datatype":"X"}]}`, "the server's answer is broken: output 'y' has the unknown datatype 'X'"],
    [`${head}{"name":"y","datatype":"INT8","shape":[1]}]}`, "the server's answer is broken: output 'y' has no data"],
    [
      `${head}{"name":"y","datatype":"INT8","shape":[2],"data":[1]}]}`,
      "response JSON: 'data' of tensor 'y' has 1 elements, shape [2] needs 2,",
    ],
    [
      `${head}{"name":"y","datatype":"INT8","shape":[2],"parameters":{"binary_data_size":2}}]}`,
      "the server's answer is broken: output 'y' should have 2 bytes, 0 are left",
    ],
    [
      `${head}{"name":"y","datatype":"FP16","shape":[1],"data":[1]}]}`,
      "the server's answer is broken: tensor 'y': FP16 cannot be sent as JSON",
    ],
    [`${head}],"parameters":7}`, "response JSON: 'parameters' must be an object"],
    [`${head}]}xyz`, "the server's answer is broken: 3 bytes follow that no output claims", head.length + 2],
    [
      `${head}{"name":"y","datatype":"INT8","shape":[4],"parameters":{"binary_data_size":3}}]}xyz`,
      "the server's answer is broken: tensor 'y': shape [4] needs 4 elements, got 3",
      head.length + 80,
    ],
  ];
  for (const [json, message, headerLength] of cases) {
    expect(() => decode(json, headerLength), json).toThrow(expect.objectContaining({ code: 'SERVER_ERROR' }));
    expect(() => decode(json, headerLength), json).toThrow(message);
  }
});
