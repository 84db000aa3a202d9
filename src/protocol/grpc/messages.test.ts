import { create, createFileRegistry, fromBinary, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { describeFiles } from './descriptors.ts';
import { grpcMethods, messageCodec } from './messages.ts';
import { WireWriter } from './wire-writer.ts';

/** protobuf-es over our own file descriptors: an implementation that knows nothing of ours. */
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, fileSet(describeFiles().map(({ bytes }) => bytes))),
);

function fileSet(files: readonly Uint8Array[]): Uint8Array {
  const writer = new WireWriter();
  for (const bytes of files) writer.data(1, bytes);
  return writer.bytes;
}

function jsonOf(name: string, bytes: Uint8Array): JsonValue {
  return toJson(registry.getMessage(name)!, fromBinary(registry.getMessage(name)!, bytes), { useProtoFieldName: true });
}

test('the descriptors hold every message and method, and another implementation accepts them', () => {
  const service = registry.getService('inference.GRPCInferenceService')!;
  expect(service.methods).toHaveLength(20);
  expect(service.methods.find(({ name }) => name === 'ModelStreamInfer')?.methodKind).toBe('bidi_streaming');
  expect(registry.getMessage('inference.ModelConfig')!.fields.length).toBeGreaterThan(20);
  expect(registry.getService('grpc.health.v1.Health')!.methods.map(({ name }) => name)).toEqual(['Check']);
  for (const { request, response } of grpcMethods.values()) expect(request.name && response.name).toBeTruthy();
  expect(grpcMethods.size).toBe(21);
});

const statistics = {
  model_stats: [
    {
      name: 'm',
      version: '1',
      last_inference: 1_700_000_000_000,
      inference_count: 7,
      execution_count: 2n ** 63n,
      inference_stats: { success: { count: 5, ns: 9 }, fail: {} },
      batch_stats: [{ batch_size: 4 }],
      response_stats: { 0: { success: { count: 1 } } },
    },
  ],
};

test.each([
  ['ModelStatisticsResponse', statistics],
  ['ModelMetadataResponse', { name: 'mé', versions: ['1', '2'], inputs: [{ name: 'x', shape: [-1, 2 ** 40] }] }],
  ['RepositoryModelLoadRequest', { model_name: 'a', parameters: { f: { bytes_param: Uint8Array.of(1, 2) } } }],
  ['LogSettingsRequest', { settings: { v: { uint32_param: 4294967295 }, b: { bool_param: false } } }],
  ['TraceSettingResponse', { settings: { __proto__x: { value: ['a', ''] } } }],
  [
    'ModelConfigResponse',
    {
      config: {
        name: 'm',
        max_batch_size: 8,
        input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1, 3] }],
        dynamic_batching: {
          preferred_batch_size: [4, 8],
          priority_levels: 2 ** 40,
          priority_queue_policy: { 3: { max_queue_size: 5 } },
        },
        parameters: { k: { string_value: 'v' } },
        instance_group: [{ kind: 'KIND_CPU', count: 2 }],
        model_warmup: [{ inputs: { x: { zero_data: false, dims: [1] } } }],
      },
    },
  ],
  [
    'InferTensorContents',
    { fp32_contents: [0.5, -0], int_contents: [-1, 2147483647], bytes_contents: [Uint8Array.of(), Uint8Array.of(9)] },
  ],
] as const)('%s goes out and comes back, and protobuf-es reads the same', (name, value) => {
  const codec = messageCodec(name);
  const bytes = codec.encode(value);
  expect(codec.decode(bytes)).toEqual(value);
  const desc = registry.getMessage(`inference.${name}`)!;
  const theirs = toBinary(desc, fromBinary(desc, bytes));
  expect(codec.decode(theirs)).toEqual(value);
  expect(jsonOf(`inference.${name}`, theirs)).toEqual(jsonOf(`inference.${name}`, bytes));
  expect(fromBinary(desc, bytes).$unknown).toBeUndefined();
});

test('zeros are left out, except where presence is known', () => {
  expect([...messageCodec('ModelReadyResponse').encode({ ready: false })]).toEqual([]);
  expect([...messageCodec('InferParameter').encode({ bool_param: false })]).toEqual([8, 0]);
  expect(
    toBinary(
      registry.getMessage('inference.ModelReadyResponse')!,
      create(registry.getMessage('inference.ModelReadyResponse')!),
    ),
  ).toHaveLength(0);
});

test('what protobuf lets a writer do is understood', () => {
  const decode = (name: string, bytes: number[]) => messageCodec(name).decode(Uint8Array.from(bytes));
  // The last of a single field counts; of a oneof the last member.
  expect(decode('ModelReadyRequest', [10, 1, 97, 10, 1, 98])).toEqual({ name: 'b' });
  expect(decode('InferParameter', [8, 1, 16, 5])).toEqual({ int64_param: 5 });
  // Unpacked lists, unknown fields of every kind, groups included, and wrong wire types, which count as unknown.
  expect(decode('InferTensorContents', [16, 3, 16, 4])).toEqual({ int_contents: [3, 4] });
  expect(decode('ModelReadyRequest', [0xa3, 6, 0x18, 1, 0xa4, 6, 0x9d, 6, 1, 2, 3, 4, 10, 1, 97])).toEqual({
    name: 'a',
  });
  expect(decode('ModelReadyRequest', [8, 1])).toEqual({});
  // Parts of one message are merged.
  expect(decode('ModelConfigResponse', [10, 3, 10, 1, 97, 10, 2, 32, 8])).toEqual({
    config: { name: 'a', max_batch_size: 8 },
  });
  // An entry without key or value has their zeros; __proto__ is a key like any other.
  expect(decode('SystemSharedMemoryStatusResponse', [10, 0])).toEqual({ regions: { '': {} } });
  const proto = [10, 13, 10, 9, ...Buffer.from('__proto__'), 18, 0];
  expect(Object.keys(decode('SystemSharedMemoryStatusResponse', proto).regions as object)).toEqual(['__proto__']);
});

test.each([
  ['a cut tag', [0x80], 'ModelReadyRequest: a tag is cut off (at byte 1)'],
  ['field 0', [2, 0], 'ModelReadyRequest: field number 0 is not legal (at byte 1)'],
  ['wire type 6', [14], 'ModelReadyRequest: wire type 6 does not exist (at byte 1)'],
  ['a long text', [10, 5, 97], 'ModelReadyRequest: field 1 announces 5 bytes, 1 are left (at byte 2)'],
  [
    '4 GiB',
    [10, 0xff, 0xff, 0xff, 0xff, 15],
    'ModelReadyRequest: field 1 announces 4294967295 bytes, 0 are left (at byte 6)',
  ],
  ['beyond 32 bits', [10, 0xff, 0xff, 0xff, 0xff, 0x7f], 'ModelReadyRequest: a length is beyond 32 bits (at byte 6)'],
  ['bad UTF-8', [10, 2, 0xc3, 0x28], 'ModelReadyRequest: field 1 is not valid UTF-8 (at byte 4)'],
  ['an endless varint', [8, ...Array(11).fill(0x80)], 'ModelReadyRequest: a varint runs over 10 bytes (at byte 11)'],
  ['a stray group end', [0x0c], 'ModelReadyRequest: group 1 ends without having begun (at byte 1)'],
  ['an open group', [0x0b, 0x10, 1], 'ModelReadyRequest: group 1 does not end (at byte 3)'],
  ['crossed groups', [0x0b, 0x13, 0x0c], 'ModelReadyRequest: group 1 ends inside another (at byte 3)'],
  ['deep groups', Array(101).fill(0x0b), 'ModelReadyRequest: groups nest deeper than 100 (at byte 101)'],
])('%s is refused', (_, bytes, message) => {
  expect(() => messageCodec('ModelReadyRequest').decode(Uint8Array.from(bytes))).toThrow(
    expect.objectContaining({ code: 'REQUEST_MALFORMED', message }) as ConchError,
  );
});

test('a small message cannot become a huge object', () => {
  const bytes = new Uint8Array(2_200_000).map((_, index) => (index % 2 === 0 ? 0x42 : 0));
  expect(() => messageCodec('InferTensorContents').decode(bytes)).toThrow('the message has more than 1000000 parts');
});

test('whatever bytes come, the answer is a message or REQUEST_MALFORMED', () => {
  const names = ['ModelConfigResponse', 'ModelStatisticsResponse', 'RepositoryModelLoadRequest', 'LogSettingsRequest'];
  const seeds = names.map(
    (name, index) =>
      [
        name,
        messageCodec(name).encode(
          [
            { config: { name: 'm', input: [{ dims: [1, -1] }], parameters: { a: { string_value: 'b' } } } },
            statistics,
            { model_name: 'm', parameters: { config: { string_param: '{}' } } },
            { settings: { x: { bool_param: true } } },
          ][index]!,
        ),
      ] as const,
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
      ([name, seed], edits, cut) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        try {
          messageCodec(name).decode(bytes.subarray(0, cut % 3 === 0 ? cut % bytes.length : bytes.length));
        } catch (error) {
          expect(error).toBeInstanceOf(ConchError);
          expect((error as ConchError).code).toBe('REQUEST_MALFORMED');
        }
      },
    ),
    { numRuns: 20_000, seed: 7 },
  );
});
