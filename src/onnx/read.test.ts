import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { fields } from './fields.ts';
import { readOnnx } from './index.ts';
import { ProtoWriter } from './proto-writer.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-read-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function read(content: Uint8Array | string) {
  const path = join(dir, 'model.onnx');
  await writeFile(path, content);
  return readOnnx(path);
}

const message = () => new ProtoWriter();
const { model, graph, node, attribute, tensor, valueInfo, type, tensorType, shape, dimension, entry } = fields;

function value(name: string, ...dims: (number | string | undefined)[]): ProtoWriter {
  const list = message();
  for (const dim of dims) {
    const one = message();
    if (typeof dim === 'string') one.text(dimension.parameter, dim);
    else if (dim !== undefined) one.integer(dimension.value, dim);
    list.message(shape.dimension, one);
  }
  const inner = message().integer(tensorType.elementType, 1).message(tensorType.shape, list);
  return message().text(valueInfo.name, name).message(valueInfo.type, message().message(type.tensor, inner));
}

function initializer(name: string, raw: Uint8Array): ProtoWriter {
  return message()
    .integer(tensor.dims, raw.length / 4)
    .integer(tensor.dataType, 1)
    .text(tensor.name, name)
    .message(tensor.rawData, raw);
}

function external(name: string, entries: Record<string, string>): ProtoWriter {
  const out = message().text(tensor.name, name).integer(tensor.dataLocation, 1);
  for (const [key, text] of Object.entries(entries)) {
    out.message(tensor.externalData, message().text(entry.key, key).text(entry.value, text));
  }
  return out;
}

function modelOf(body: ProtoWriter): Uint8Array {
  const opset = message().text(fields.operatorSet.domain, '').integer(fields.operatorSet.version, 21);
  return message().integer(model.irVersion, 10).message(model.opsetImport, opset).message(model.graph, body).bytes;
}

/** A graph with a subgraph, defaults, an unknown rank, external data and a function. */
function rich(): Uint8Array {
  const branch = message().message(graph.node, message().text(node.opType, 'Neg'));
  const conditional = message()
    .text(node.opType, 'If')
    .message(node.attribute, message().text(attribute.name, 'then_branch').message(attribute.g, branch));
  const custom = message().text(node.opType, 'Fused').text(node.domain, 'com.microsoft');
  const body = message()
    .message(graph.node, conditional)
    .message(graph.node, custom)
    .message(graph.node, message().text(node.opType, 'Neg').text(node.domain, 'ai.onnx'))
    .message(graph.initializer, initializer('w', new Uint8Array(400)))
    .message(graph.initializer, external('e', { location: 'weights.bin', offset: '4096', length: '100' }))
    .message(graph.initializer, external('f', { location: 'weights.bin' }))
    .message(graph.input, value('x', 'batch', 3, undefined, -1))
    .message(graph.input, value('w', 100))
    .message(graph.output, message().text(valueInfo.name, 'y'));
  const metadata = message().text(entry.key, '__proto__').text(entry.value, 'v');
  const local = message().message(fields.function.node, message().text(node.opType, 'Neg'));
  const extras = message().message(model.metadataProps, metadata).message(model.functions, local).integer(98, -1);
  return concatenate(extras.bytes, modelOf(body));
}

function concatenate(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

test('a summary covers subgraphs, functions, defaults, unknown shapes and external data', async () => {
  expect(await read(rich())).toEqual({
    irVersion: 10,
    producer: '',
    opsets: [{ domain: '', version: 21 }],
    inputs: [{ name: 'x', datatype: 'FP32', onnxType: 1, shape: ['batch', 3, undefined, undefined] }],
    outputs: [{ name: 'y', datatype: undefined, onnxType: 0, shape: undefined }],
    overridable: ['w'],
    operators: [
      { domain: '', type: 'Neg', count: 3 },
      { domain: 'com.microsoft', type: 'Fused', count: 1 },
      { domain: '', type: 'If', count: 1 },
    ],
    externalFiles: ['weights.bin'],
    externalSizes: { 'weights.bin': 4196 },
    metadata: Object.fromEntries([['__proto__', 'v']]),
  });
});

test('a file of 3 GiB is seeked over', async () => {
  const payload = 3 * 2 ** 30;
  const head = message().text(tensor.name, 'w').head(tensor.rawData, payload).bytes;
  const tail = message().message(graph.output, value('y', 1)).bytes;
  const opening = message().head(graph.initializer, head.length + payload).bytes;
  const start = message()
    .integer(model.irVersion, 8)
    .head(model.graph, opening.length + head.length + payload + tail.length).bytes;
  const path = join(dir, 'large.onnx');
  const file = await open(path, 'w');
  const front = concatenate(start, opening, head);
  await file.write(front, 0, front.length, 0);
  await file.write(tail, 0, tail.length, front.length + payload); // the hole in between takes no disk
  await file.close();
  expect((await readOnnx(path)).outputs.map(({ name }) => name)).toEqual(['y']);
  await rm(path);
});

test.each<[string, Uint8Array | string, string]>([
  ['empty', '', 'the file is empty, not an ONNX model'],
  ['LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\n', 'this is a Git LFS pointer'],
  ['zip', 'PK\u0003\u0004......', 'this is a zip archive (PyTorch and TorchScript files are)'],
  ['ort', '\u0018\u0000\u0000\u0000ORTMxx', "this is ONNX Runtime's own .ort format"],
  ['html', '<!doctype html>', 'this is text (HTML or JSON)'],
  ['text', 'hello world', 'is not used by ONNX'],
  ['no graph', message().integer(model.irVersion, 8).bytes, 'the file has no graph'],
  ['no IR version', message().message(model.graph, message()).bytes, 'the file has no ir_version'],
  ['field 0', new Uint8Array([0, 1]), 'field number 0 is not legal in protobuf (at byte 0)'],
  ['long varint', new Uint8Array([8, ...new Array(10).fill(255), 1]), 'a varint runs over 10 bytes (at byte 0)'],
  ['cut varint', new Uint8Array([8, 255]), 'a varint is cut off (at byte 0)'],
  ['cut float', new Uint8Array([8, 8, ((99 << 3) % 128) | 0x85, 6, 1]), 'field 99 of the model is cut off'],
  ['graph as number', new Uint8Array([8, 8, 7 << 3, 1]), 'the graph has wire type 0 where 2 belongs'],
  [
    'beyond its message',
    concatenate(modelOf(message().message(graph.node, new Uint8Array([(4 << 3) | 2, 50, 1]))), new Uint8Array([8, 8])),
    'op_type announces 50 bytes but its enclosing message has 1 left',
  ],
  [
    'external, no place',
    modelOf(message().message(graph.initializer, external('w', {}))),
    "'w' has external data without a location",
  ],
  [
    'external, bad offset',
    modelOf(message().message(graph.initializer, external('w', { location: 'a', offset: '-5' }))),
    "tensor 'w' has external data at offset '-5' of length '0'",
  ],
])('refused: %s', async (_, content, problem) => {
  const error = await read(content).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConchError);
  expect(error.code).toBe('ONNX_INVALID');
  expect(error.message).toContain(join(dir, 'model.onnx'));
  expect(error.message).toContain(problem);
});

test('truncation is named with the tensor and the offset', async () => {
  const whole = modelOf(message().message(graph.initializer, initializer('weight', new Uint8Array(400))));
  await expect(read(whole.subarray(0, whole.length - 10))).rejects.toThrow(
    /the graph announces \d+ bytes but the file ends after \d+; it is truncated \(at byte \d+\)/,
  );
});

test('subgraphs nested without end are refused', async () => {
  let body = message();
  for (let depth = 0; depth < 40; depth++) {
    const inner = message().message(node.attribute, message().message(attribute.g, body));
    body = message().message(graph.node, inner);
  }
  await expect(read(modelOf(body))).rejects.toThrow('subgraphs are nested deeper than 32');
});

test('names and metadata without end are refused', async () => {
  const long = message()
    .text(entry.key, 'k')
    .text(entry.value, 'x'.repeat(20 << 20));
  const content = message();
  for (let copy = 0; copy < 4; copy++) content.message(model.metadataProps, long);
  await expect(read(content.bytes)).rejects.toThrow('names and metadata exceed 64 MiB');
});

test('whatever byte is wrong or missing, the answer is a summary or ONNX_INVALID', async () => {
  const whole = rich();
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), end: fc.nat(whole.length) });
  await fc.assert(
    fc.asyncProperty(change, fc.boolean(), async ({ at, byte, end }, cut) => {
      const bytes = whole.slice(0, cut ? end : whole.length);
      if (at < bytes.length) bytes[at] = byte;
      const error = await read(bytes).then(
        () => undefined,
        (thrown) => thrown,
      );
      if (error !== undefined) expect(error).toMatchObject({ name: 'ConchError', code: 'ONNX_INVALID' });
    }),
    { numRuns: 400 },
  );
});

test('a path that is no file', async () => {
  await expect(readOnnx(join(dir, 'none.onnx'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  await expect(readOnnx(dir)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
});
