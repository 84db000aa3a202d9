import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conch } from './testing.ts';

const net = 'name: "net"\nbackend: "onnxruntime"\n';
let dir: string;
let shared: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-deploy-'));
  await mkdir(join(dir, 'models/net/1'), { recursive: true });
  await writeFile(join(dir, 'models/net/config.pbtxt'), net);
  await writeFile(join(dir, 'models/net/1/model.onnx'), 'not read here');
  shared = ['--repository', join(dir, 'models'), '--out', join(dir, 'out'), '--target', 'triton:26.07'];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('deploy compose prints what it would write, writes it, and does not overwrite edits', async () => {
  const dry = await conch('deploy', 'compose', ...shared, '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.out).toContain(`==> ${join(dir, 'out')}/docker-compose.yml <==`);
  expect(await readdir(dir)).toEqual(['models']);

  const { code, err } = await conch('deploy', 'compose', ...shared, '--gpu');
  expect(code).toBe(0);
  expect(err).toContain('new: docker-compose.yml, .env, .gitignore');
  expect(err).toContain('1 models on nvcr.io/nvidia/tritonserver:26.07-py3, GPU: --gpu says so');
  const compose = await readFile(join(dir, 'out/docker-compose.yml'), 'utf8');
  expect(compose).toContain('driver: nvidia');

  await writeFile(join(dir, 'out/docker-compose.yml'), `${compose}# mine\n`);
  const refused = await conch('deploy', 'compose', ...shared);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain('edited by hand or written by something else: docker-compose.yml');
  const forced = await conch('deploy', 'compose', ...shared, '--force', '--json');
  expect(forced.code).toBe(0);
  expect(JSON.parse(forced.out)).toMatchObject({
    target: 'triton:26.07',
    gpu: false,
    written: expect.arrayContaining([{ path: 'docker-compose.yml', status: 'changed' }]),
  });
});

test('what cannot be is told', async () => {
  expect((await conch('deploy', 'compose', ...shared, '--gpu', '--cpu')).err).toContain('--gpu and --cpu exclude');
  expect((await conch('deploy', 'compose', ...shared.slice(0, 4), '--target', 'embedded')).code).toBe(2);
});

test('doctor: exit code and JSON say whether something is missing', async () => {
  const argv = [
    'doctor',
    '--repository',
    join(dir, 'models'),
    '--http-port',
    '0',
    '--grpc-port',
    '0',
    '--metrics-port',
    '0',
  ];
  const { code, out } = await conch(...argv);
  expect(out).toContain('nothing that the engine embedded needs is missing');
  expect(code).toBe(0);
  vi.stubEnv('PATH', dir);
  const triton = await conch(...argv, '--engine', 'triton', '--gpu', '--json');
  vi.unstubAllEnvs();
  expect(triton.code).toBe(1);
  expect(JSON.parse(triton.out)).toMatchObject({
    ...{ engine: 'triton', passed: false, gpu: true },
    findings: expect.arrayContaining([
      { subject: 'docker', status: 'missing', detail: 'there is no program docker', fix: expect.any(String) },
    ]),
  });
  expect((await conch('doctor', '--repository', '/nowhere')).err).toContain('no model repository at /nowhere');
});

test('deploy kubernetes writes its tree beside', async () => {
  const { code, err } = await conch('deploy', 'kubernetes', ...shared);
  expect(code).toBe(0);
  expect(err).toContain('kubectl apply -k');
  expect(await readdir(join(dir, 'out/kserve'))).toContain('inference-service.yaml');
  // A folder belongs to one kind of deployment.
  expect((await conch('deploy', 'compose', ...shared)).err).toContain('holds files for kubernetes');
});
