import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GraphBuilder, writeOnnx } from '../onnx/index.ts';
import { conch } from './testing.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-cli-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** y = x w, w being [32, 16] of both signs: those of one sign overflow INT8's sums on processors without VNNI. */
async function writeModel(): Promise<string> {
  const graph = new GraphBuilder('product', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', 32]);
  const values = Float32Array.from({ length: 512 }, (_, index) => Math.sin(index));
  const w = graph.initializer('w', 'FP32', [32, 16], { read: () => [new Uint8Array(values.buffer)] });
  graph.output('y', graph.node('MatMul', [x, w]), ['batch', 16]);
  const path = join(dir, 'product.onnx');
  await writeOnnx(path, graph, { producer: { name: 'test', version: '1' } });
  return path;
}

test('an ONNX file in another precision, and how near it stays', async () => {
  const [from, out] = [await writeModel(), join(dir, 'models')];
  const { code, out: said, err } = await conch('compile', '--from', from, '--precision', 'int8', '--out', out, '-q');
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(said).toMatch(/product: int8 on 12 inputs: least cosine [01]\.\d+, worst error 0\.\d+/);
});

test('a model that misses its limits: exit code 1, and a report beside the repository', async () => {
  await writeModel();
  const model = "{ onnx: './product.onnx', precision: 'int8', gate: { max_error: 1e-6 } }";
  const file = join(dir, 'conch.config.mjs');
  await writeFile(file, `export default { models: { m: ${model} } };`);
  const { code, out, err } = await conch('compile', '--file', file, '-q');
  expect(code).toBe(1);
  expect(out).toBe('');
  expect(err).toContain('m in int8: the worst absolute error is');
  expect(err).toContain(join('.models.rejected', 'm', '1'));
  expect(err).toContain('reduce_range');
});

test('--from takes one .onnx file and no other source', async () => {
  for (const sources of [
    ['--from', './checkpoint'],
    ['other', '--from', 'model.onnx'],
  ]) {
    const { code, err } = await conch('compile', ...sources);
    expect(err).toContain('--from takes the one source, an .onnx file');
    expect(code).toBe(2);
  }
});
