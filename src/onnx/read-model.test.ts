import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fields } from './fields.ts';
import { GraphBuilder, openModel, readOnnx, writeOnnx } from './index.ts';
import { ProtoWriter } from './proto-writer.ts';

const producer = { name: 'conch', version: '1' };
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-model-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function graphOfAll(): GraphBuilder {
  const graph = new GraphBuilder('all', { opset: 17, irVersion: 8, domains: { 'com.microsoft': 1 } });
  graph.metadata['conch.source'] = 'test';
  const x = graph.input('x', 'FP32', ['batch', 4]);
  const bytes = new Uint8Array(Float32Array.from({ length: 4096 }, (_, index) => index).buffer);
  const w = graph.initializer('w', 'FP32', [4, 1024], { read: () => [bytes] });
  const y = graph.node('MatMul', [x, w]);
  const ends = { ends: { ints: [(2n ** 63n - 1n) as unknown as number, -5] }, starts: { ints: [0] } };
  const part = graph.node(
    'Made',
    [y, undefined, graph.integers([7])],
    {
      ...ends,
      alpha: { float: 0.5 },
      mode: { string: 'é' },
      list: { floats: [1.5, -2] },
      names: { strings: ['a', ''] },
    },
    { domain: 'com.microsoft' },
  );
  graph.output('y', part, ['batch', 1024]);
  return graph;
}

test.each([0, 1 << 30])(
  'what is read and written again is the same, byte for byte (threshold %d)',
  async (threshold) => {
    const first = join(dir, 'model.onnx');
    await writeOnnx(first, graphOfAll(), { producer, externalDataThreshold: threshold });
    const model = await openModel(first);
    const again = join(dir, 'again', 'model.onnx');
    await mkdir(join(dir, 'again'));
    const { files } = await writeOnnx(again, model, { producer, externalDataThreshold: threshold });
    for (const file of files) expect(await readFile(join(dir, 'again', file))).toEqual(await readFile(join(dir, file)));
    expect(await readOnnx(again)).toEqual(await readOnnx(first));
  },
);

/** A ModelProto around what `fill` writes into the graph. */
function proto(fill: (graph: ProtoWriter) => void): Uint8Array {
  const graph = new ProtoWriter();
  fill(graph);
  const opset = new ProtoWriter().text(fields.operatorSet.domain, '').integer(fields.operatorSet.version, 17);
  return new ProtoWriter()
    .integer(fields.model.irVersion, 8)
    .message(fields.model.opsetImport, opset)
    .message(fields.model.graph, graph).bytes;
}

const tensor = (name: string, elementType: number, shape: number[], fill: (out: ProtoWriter) => void) => {
  const out = new ProtoWriter();
  for (const size of shape) out.integer(fields.tensor.dims, size);
  out.integer(fields.tensor.dataType, elementType).text(fields.tensor.name, name);
  fill(out);
  return out;
};

async function payload(bytes: Uint8Array, name: string): Promise<Buffer> {
  const path = join(dir, 'made.onnx');
  await writeFile(path, bytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await openModel(path)).weights.get(name)!.read()) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

test('weights in the older fields, packed and not', async () => {
  const packed = new Uint8Array(Float32Array.of(1, -2).buffer);
  const made = proto((graph) => {
    const add = (value: ProtoWriter) => graph.message(fields.graph.initializer, value);
    add(tensor('packed', 1, [2], (out) => out.message(fields.tensor.floatData, packed)));
    add(tensor('loose', 1, [2], (out) => out.float(fields.tensor.floatData, 1).float(fields.tensor.floatData, -2)));
    add(tensor('longs', 7, [2], (out) => out.integer(fields.tensor.int64Data, -1).integer(fields.tensor.int64Data, 5)));
    add(tensor('halves', 10, [1], (out) => out.integer(fields.tensor.int32Data, 0x3c00)));
  });
  expect(await payload(made, 'packed')).toEqual(Buffer.from(packed));
  expect(await payload(made, 'loose')).toEqual(Buffer.from(packed));
  expect(await payload(made, 'longs')).toEqual(Buffer.from(BigInt64Array.of(-1n, 5n).buffer));
  expect(await payload(made, 'halves')).toEqual(Buffer.from([0, 0x3c]));
});

test('constants are weights; subgraphs are kept as they are, with what they take from around them', async () => {
  const value = (name: string) => new ProtoWriter().text(fields.valueInfo.name, name);
  const node = (type: string, inputs: string[], outputs: string[]) => {
    const out = new ProtoWriter();
    for (const input of inputs) out.text(fields.node.input, input);
    for (const output of outputs) out.text(fields.node.output, output);
    return out.text(fields.node.opType, type);
  };
  const branch = new ProtoWriter()
    .message(fields.graph.node, node('Add', ['outside', 'own'], ['sum']))
    .message(
      fields.graph.initializer,
      tensor('own', 1, [], (out) => out.message(fields.tensor.rawData, new Uint8Array(4))),
    )
    .message(fields.graph.output, value('sum'));
  const attribute = (name: string, type: number) =>
    new ProtoWriter().text(fields.attribute.name, name).integer(fields.attribute.type, type);
  const then = attribute('then_branch', 5).message(fields.attribute.g, branch);
  const four = tensor('', 1, [1], (out) => out.message(fields.tensor.rawData, new Uint8Array(4).fill(64)));
  const path = join(dir, 'if.onnx');
  await writeFile(
    path,
    proto((graph) =>
      graph
        .message(
          fields.graph.node,
          node('Constant', [], ['c']).message(
            fields.node.attribute,
            attribute('value', 4).message(fields.attribute.t, four),
          ),
        )
        .message(fields.graph.node, node('If', ['c'], ['z']).message(fields.node.attribute, then)),
    ),
  );
  const model = await openModel(path);
  expect(model.weights.get('c')).toMatchObject({ elementType: 1, shape: [1], bytes: 4 });
  expect(model.nodes.map(({ type }) => type)).toEqual(['If']);
  expect(model.nodes[0]!.attributes.then_branch).toEqual({
    proto: Buffer.from(then.bytes),
    type: 5,
    captures: ['outside'],
  });
});

test.each([
  ['../secret', "at '../secret', which is not below the model's folder"],
  ['/etc/passwd', "at '/etc/passwd', which is not below the model's folder"],
  ['', "at '', which is not below the model's folder"],
])('weights outside the folder are refused (%s)', async (location, message) => {
  const entry = new ProtoWriter().text(fields.entry.key, 'location').text(fields.entry.value, location);
  const made = proto((graph) =>
    graph.message(
      fields.graph.initializer,
      tensor('w', 1, [1], (out) =>
        out.message(fields.tensor.externalData, entry).integer(fields.tensor.dataLocation, 1),
      ),
    ),
  );
  await expect(payload(made, 'w')).rejects.toThrow(message);
});

test('what does not fit its shape, or cannot be taken over, is refused by name', async () => {
  const initializer = (value: ProtoWriter) => proto((graph) => graph.message(fields.graph.initializer, value));
  await expect(
    payload(initializer(tensor('w', 1, [3], (out) => out.message(fields.tensor.rawData, new Uint8Array(8)))), 'w'),
  ).rejects.toThrow("tensor 'w' of shape [3] needs 12 bytes and has 8");
  await expect(
    payload(initializer(tensor('w', 8, [1], (out) => out.text(fields.tensor.stringData, 'x'))), 'w'),
  ).rejects.toThrow("tensor 'w' holds strings");
  await expect(payload(initializer(tensor('w', 99, [1], () => {})), 'w')).rejects.toThrow(
    "tensor 'w' has element type 99",
  );
  const sparse = proto((graph) => graph.message(fields.graph.sparseInitializer, new ProtoWriter()));
  await expect(payload(sparse, 'w')).rejects.toThrow('a sparse initializer, which cannot be taken over');
});
