import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GraphBuilder, writeOnnx } from '../../onnx/index.ts';
import { checkDeployment, compileDeployment, dryRunDeployment, type OnnxDeployment } from '../index.ts';
import { FakeDocker } from './testing/fake-docker.ts';

// Plans of ONNX files that conch did not write.
let dir: string;
let docker: FakeDocker;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-onnx-plan-'));
  docker = new FakeDocker(dir);
  vi.stubEnv('PATH', docker.bin);
  vi.stubEnv('CONCH_CACHE', join(dir, 'cache'));
  await write('net.onnx', [10]);
  await write('varying.onnx', ['length']);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

async function write(file: string, dims: (number | string)[]) {
  const graph = new GraphBuilder('net', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', ...dims]);
  graph.output('y', graph.node('Relu', [x]), ['batch', ...dims]);
  await writeOnnx(join(dir, file), graph, { producer: { name: 'someone', version: '1' } });
}

function deployment(net: Partial<OnnxDeployment>) {
  const whole = { target: 'triton:26.03', models: { net: { onnx: './net.onnx', tensorrt: {}, ...net } } };
  return { deployment: checkDeployment(whole, 'conch.config.ts'), file: undefined, baseDir: dir };
}
const buildLine = async (net: Partial<OnnxDeployment>) => {
  const { models } = await dryRunDeployment(deployment(net), {});
  return (models[0]!.steps[1] as { shell: string }).shell.replace(/^.*trtexec /, '');
};

test('a plan of a file whose batch varies alone', async () => {
  expect(await buildLine({ max_batch_size: 16 })).toBe(
    '--onnx=/work/model.onnx --saveEngine=/work/model.plan --stronglyTyped --noTF32 --minShapes=x:1x10 --optShapes=x:16x10 --maxShapes=x:16x10 --timingCacheFile=/work/timing.cache --skipInference',
  );
  await compileDeployment(deployment({ max_batch_size: 16 }), {});
  const { tensorrt, gate } = JSON.parse(await readFile(join(dir, 'models/net/conch.json'), 'utf8'));
  expect(gate.passed).toBe(true);
  expect(tensorrt).toMatchObject({ version: '10.16.0', profiles: [{ min: 1, opt: 16, max: 16 }] });
  expect(tensorrt.plans[0].comparison).toMatchObject({ samples: 3 });
  expect(await readFile(join(dir, 'models/net/1/model.plan'), 'utf8')).toBe('plan of 10.16.0 for 8.9');
});

test('a plan that departs is put aside', async () => {
  docker.is({ error: 0.5 });
  await expect(compileDeployment(deployment({}), {})).rejects.toThrow(
    'net in fp32: model.plan: the worst absolute error is 0.500, more than 0.0001',
  );
  expect(await readFile(join(dir, '.models.rejected/net/1/model.plan'), 'utf8')).toMatch('plan of');
});

test('where more varies the profiles must say how far', async () => {
  const onnx = './varying.onnx';
  await expect(compileDeployment(deployment({ onnx }), {})).rejects.toThrow(
    "models.net.tensorrt: input 'x' varies in more than the batch, and the file does not say how far",
  );
  const at = (batch: number, sequence: number) => ({ batch, sequence });
  const profiles = [{ min: at(1, 1), opt: at(4, 16), max: at(32, 64) }];
  expect(await buildLine({ onnx, tensorrt: { profiles } })).toContain(
    '--minShapes=x:1x1 --optShapes=x:4x16 --maxShapes=x:32x64',
  );
});

test('what no plan is made of is refused', async () => {
  await expect(compileDeployment(deployment({ precision: 'int8' }), {})).rejects.toThrow(
    'models.net.precision: a TensorRT plan is built from fp32, fp16, int8-static, got int8',
  );
  await expect(compileDeployment(deployment({ max_batch_size: 0 }), {})).rejects.toThrow('max_batch_size is 0');
  expect(docker.log()).toEqual([]);
});
