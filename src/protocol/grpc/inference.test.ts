import { expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { encodeBytes, type Tensor } from '../../tensor/index.ts';
import type { InferenceRequest } from '../inference.ts';
import { type GrpcDecodeOptions, type GrpcInferenceRequest, toInferenceRequest } from './infer-request-decode.ts';
import { encodeModelInferRequest } from './infer-request-encode.ts';
import { readModelInferRequest } from './infer-request-read.ts';
import {
  decodeModelInferResponse,
  decodeStreamResponse,
  encodeModelInferResponse,
  encodeStreamError,
  encodeStreamResponse,
} from './infer-response.ts';
import { messageCodec } from './messages.ts';

const requestCodec = messageCodec('ModelInferRequest');
const decode = (message: object, options?: GrpcDecodeOptions): GrpcInferenceRequest =>
  toInferenceRequest(readModelInferRequest(requestCodec.encode(message)), options);

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConchError) return `${error.status} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const tensors: Tensor[] = [
  { name: 'x', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 3) },
  { name: 't', datatype: 'BYTES', shape: [2], data: encodeBytes(['é', '']) },
  { name: 'big', datatype: 'INT64', shape: [4000], data: new BigInt64Array(4000).fill(-7n) },
  { name: 'none', datatype: 'FP16', shape: [0], data: new Uint16Array(0) },
];

test('a request goes out and comes back; large tensors are not copied', () => {
  const request: InferenceRequest = {
    model: 'm',
    version: '3',
    id: 'r',
    inputs: tensors,
    outputs: [{ name: 'y' }, { name: 'z', classification: 3 }],
    parameters: { text: 'é', yes: true, whole: -5, half: 0.5, huge: 2n ** 60n },
    sequence: { id: 'corr', start: true, end: false },
    priority: 2,
    timeoutMicroseconds: 1000,
  };
  const parts = encodeModelInferRequest(request);
  expect(parts.some(({ buffer }) => buffer === tensors[2]!.data.buffer)).toBe(true);
  const decoded = toInferenceRequest(readModelInferRequest(Buffer.concat(parts)));
  expect(decoded.parameters).toEqual(Object.assign(Object.create(null), request.parameters));
  expect(decoded).toMatchObject({ ...request, parameters: {}, outputPlaces: undefined, emptyFinalResponse: false });
});

test('a raw tensor is a view of the message where it is aligned', () => {
  const bytes = Buffer.concat(encodeModelInferRequest({ model: 'm', inputs: [tensors[0]!] }));
  for (const shift of [0, 1, 2, 3]) {
    const buffer = new ArrayBuffer(bytes.length + 8);
    const at = (8 - ((bytes.length - 16) % 4) + shift) % 4;
    new Uint8Array(buffer, at).set(bytes);
    const { inputs } = toInferenceRequest(readModelInferRequest(new Uint8Array(buffer, at, bytes.length)));
    expect(inputs[0]!.data).toEqual(tensors[0]!.data);
    expect(inputs[0]!.data.buffer === buffer).toBe((at + bytes.length - 16) % 4 === 0);
  }
});

test.each([
  ['BOOL', { bool_contents: [true, false] }, Uint8Array.of(1, 0)],
  ['INT8', { int_contents: [-1, 300] }, Int8Array.of(-1, 44)],
  ['INT16', { int_contents: [-1, 70000] }, Int16Array.of(-1, 4464)],
  ['INT32', { int_contents: [-1, 2 ** 31 - 1] }, Int32Array.of(-1, 2 ** 31 - 1)],
  ['INT64', { int64_contents: [-1, 2n ** 62n] }, BigInt64Array.of(-1n, 2n ** 62n)],
  ['UINT8', { uint_contents: [255, 256] }, Uint8Array.of(255, 0)],
  ['UINT16', { uint_contents: [65535, 1] }, Uint16Array.of(65535, 1)],
  ['UINT32', { uint_contents: [2 ** 32 - 1, 1] }, Uint32Array.of(2 ** 32 - 1, 1)],
  ['UINT64', { uint64_contents: [2n ** 64n - 1n, 1] }, BigUint64Array.of(2n ** 64n - 1n, 1n)],
  ['FP32', { fp32_contents: [0.1, -1] }, Float32Array.of(0.1, -1)],
  ['FP64', { fp64_contents: [0.1, -1] }, Float64Array.of(0.1, -1)],
  ['BYTES', { bytes_contents: [Buffer.from('ab'), Buffer.alloc(0)] }, encodeBytes(['ab', ''])],
])('%s elements come in contents', (datatype, contents, data) => {
  const { inputs } = decode({ model_name: 'm', inputs: [{ name: 'x', datatype, shape: [2], contents }] });
  expect(inputs).toEqual([{ name: 'x', datatype, shape: [2], data }]);
});

const x = (more: object = {}) => ({ name: 'x', datatype: 'FP32', shape: [1], ...more });
const region = { shared_memory_region: { string_param: 'r' } };
const whole = { ...region, shared_memory_byte_size: { int64_param: 4 }, shared_memory_offset: { int64_param: 8 } };
const raw = [Uint8Array.of(0, 0, 128, 63)];

test.each([
  [
    'contents and raw',
    { inputs: [x({ contents: { fp32_contents: [1] } })], raw_input_contents: raw },
    "input 'x' of model '': 'contents' and 'raw_input_contents' exclude each other",
  ],
  [
    'no data',
    { inputs: [x()] },
    "input 'x' of model '' has no data: neither 'contents' nor an entry of 'raw_input_contents'",
  ],
  [
    'the wrong field',
    { inputs: [x({ contents: { int_contents: [1] } })] },
    "input 'x': FP32 elements belong in fp32_contents, int_contents is set",
  ],
  [
    'two fields',
    { inputs: [x({ contents: { fp32_contents: [1], int_contents: [1] } })] },
    "input 'x': FP32 elements belong in fp32_contents, int_contents is set",
  ],
  [
    'FP16 contents',
    { inputs: [x({ datatype: 'FP16', contents: { fp32_contents: [1] } })] },
    "input 'x': FP16 must travel in raw_input_contents",
  ],
  ['an unknown type', { inputs: [x({ datatype: 'FLOAT' })] }, "input 'x': unknown datatype 'FLOAT'"],
  [
    'half an element',
    { inputs: [x()], raw_input_contents: [Uint8Array.of(1)] },
    '1 bytes are not a whole number of FP32 elements',
  ],
  [
    'a region without size',
    { inputs: [x({ parameters: region })] },
    "input 'x': 'shared_memory_region' needs 'shared_memory_byte_size'",
  ],
  [
    'a size without region',
    { inputs: [x({ parameters: { shared_memory_byte_size: { int64_param: 4 } } })] },
    "input 'x': parameter 'shared_memory_byte_size' needs 'shared_memory_region'",
  ],
  [
    'a negative offset',
    { inputs: [x({ parameters: { ...whole, shared_memory_offset: { int64_param: -1 } } })] },
    "input 'x': parameter 'shared_memory_offset' must not be negative, got -1",
  ],
  [
    'a region of the wrong kind',
    { inputs: [x({ parameters: { ...whole, shared_memory_region: { int64_param: 1 } } })] },
    "input 'x': parameter 'shared_memory_region' must be string_param, got int64_param",
  ],
  [
    'classes of the wrong kind',
    { outputs: [{ name: 'y', parameters: { classification: { string_param: '1' } } }] },
    "output 'y': parameter 'classification' must be int64_param, got string_param",
  ],
  [
    'no classes',
    { outputs: [{ name: 'y', parameters: { classification: { int64_param: 0 } } }] },
    "output 'y': 'classification' must be above 0, got 0",
  ],
  [
    'classes in shared memory',
    { outputs: [{ name: 'y', parameters: { ...whole, classification: { int64_param: 1 } } }] },
    "output 'y': 'shared_memory_region' and 'classification' exclude each other",
  ],
  [
    'a sequence id as bool',
    { parameters: { sequence_id: { bool_param: true } } },
    "parameter 'sequence_id' must be int64_param or string_param, got bool_param",
  ],
  [
    'a start as text',
    { parameters: { sequence_start: { string_param: 'x' } } },
    "parameter 'sequence_start' must be bool_param, got string_param",
  ],
  [
    'a negative priority',
    { parameters: { priority: { int64_param: -1 } } },
    "parameter 'priority' must be 0 or more, got -1",
  ],
  [
    'a timeout as uint64',
    { parameters: { timeout: { uint64_param: 1 } } },
    "parameter 'timeout' must be int64_param, got uint64_param",
  ],
  [
    'a custom uint64',
    { parameters: { mine: { uint64_param: 1 } } },
    "parameter 'mine' must be bool_param, int64_param, string_param or double_param, got uint64_param",
  ],
  [
    'nothing',
    { parameters: { mine: {} } },
    "parameter 'mine' must be bool_param, int64_param, string_param or double_param, got nothing",
  ],
  [
    'a reserved key',
    { parameters: { triton_x: { bool_param: true } } },
    "parameter 'triton_x': keys that start with 'triton_' are reserved",
  ],
])('%s is an invalid argument', (_, message, reason) => {
  expect(refusal(() => decode(message))).toBe(`INVALID_ARG ${reason}`);
});

test('shared memory holds inputs, takes outputs, and skips raw entries', () => {
  const message = {
    inputs: [x({ name: 'a', parameters: whole }), x({ name: 'b' })],
    raw_input_contents: raw,
    outputs: [{ name: 'y', parameters: whole }, { name: 'z' }],
  };
  expect(refusal(() => decode(message))).toBe("NOT_FOUND input 'a': no shared memory region 'r' is registered");
  const asked: unknown[] = [];
  const readShared: GrpcDecodeOptions['readShared'] = (part) => {
    asked.push(part);
    return new Uint8Array(4);
  };
  const decoded = decode(message, { readShared });
  expect(asked).toEqual([{ region: 'r', offset: 8, byteSize: 4 }]);
  expect(decoded.inputs.map(({ data }) => data[0])).toEqual([0, 1]);
  expect(decoded.outputPlaces).toEqual(new Map([['y', { region: 'r', offset: 8, byteSize: 4 }]]));
  const bytes = Buffer.concat(encodeModelInferResponse({ model: 'm', version: '1', outputs: tensors }, new Set(['x'])));
  expect((messageCodec('ModelInferResponse').decode(bytes).raw_output_contents as Uint8Array[])[0]).toHaveLength(0);
});

test('parameters sort themselves', () => {
  const decoded = decode({
    parameters: {
      sequence_id: { int64_param: -1 },
      sequence_end: { bool_param: true },
      priority: { uint64_param: 3 },
      timeout: { int64_param: 5 },
      triton_enable_empty_final_response: { bool_param: true },
      mine: { double_param: 1.5 },
    },
  });
  expect(decoded).toMatchObject({
    sequence: { id: 2n ** 64n - 1n, start: false, end: true },
    priority: 3,
    timeoutMicroseconds: 5,
    emptyFinalResponse: true,
    parameters: { mine: 1.5 },
  });
});

test('a packed tensor cannot grow without bound', () => {
  const contents = { int64_contents: new Array(1000).fill(1) };
  const message = { inputs: [{ name: 'x', datatype: 'INT64', shape: [1000], contents }] };
  expect(refusal(() => decode(message, { maxTensorBytes: 7999 }))).toBe(
    "INVALID_ARG input 'x' unpacks to 8000 bytes, the limit is 7999",
  );
  const many = { inputs: [{ name: 'x', datatype: 'FP32', shape: new Array(65).fill(1) }] };
  expect(refusal(() => decode(many))).toBe("INVALID_ARG 'shape' has more than 64 dimensions");
});

test('responses go out and come back', () => {
  const response = { model: 'm', version: '1', id: 'r', outputs: tensors, parameters: { triton_final_response: true } };
  const decoded = decodeModelInferResponse(Buffer.concat(encodeModelInferResponse(response)));
  expect(decoded).toEqual({ ...response, parameters: Object.assign(Object.create(null), response.parameters) });
  const stream = decodeStreamResponse(Buffer.concat(encodeStreamResponse(response)));
  expect(stream).toMatchObject({ error: '', response: { model: 'm', outputs: tensors } });
  expect(
    decodeStreamResponse(
      Buffer.concat(encodeStreamError('no', { id: 'r', parameters: { triton_final_response: true } })),
    ),
  ).toEqual({
    error: 'no',
    response: {
      model: '',
      version: '',
      id: 'r',
      outputs: [],
      parameters: Object.assign(Object.create(null), { triton_final_response: true }),
    },
  });
});

test('a broken answer is a server error', () => {
  expect(refusal(() => decodeModelInferResponse(Uint8Array.of(10, 9)))).toBe(
    'UNKNOWN ModelInferResponse: field 1 announces 9 bytes, 0 are left (at byte 2)',
  );
  const codec = messageCodec('ModelInferResponse');
  const output = { name: 'y', datatype: 'FP32', shape: [2] };
  expect(refusal(() => decodeModelInferResponse(codec.encode({ outputs: [output], raw_output_contents: raw })))).toBe(
    "UNKNOWN the server's answer is broken: tensor 'y': shape [2] needs 2 elements, got 1",
  );
  const two = { outputs: [output], raw_output_contents: [...raw, ...raw] };
  expect(refusal(() => decodeModelInferResponse(codec.encode(two)))).toBe('UNKNOWN it lists 1 outputs and carries 2');
  const contents = { outputs: [{ ...output, contents: { fp32_contents: [1, 2] } }] };
  expect([...decodeModelInferResponse(codec.encode(contents)).outputs[0]!.data]).toEqual([1, 2]);
});
