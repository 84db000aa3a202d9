import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findTarget, targets } from '../../onnx/index.ts';
import { openRepository } from '../../repository/index.ts';
import { writeRepository } from '../testing.ts';
import { examine } from './doctor.ts';
import { compareVersions, imageDrivers, lowestCapabilities, oldestDrivers } from './drivers.ts';
import type { Examination } from './examination.ts';
import { parseLsof, parseProcNet } from './listeners.ts';
import { type Answer, type Machine, thisMachine } from './machine.ts';
import { parseGpus } from './nvidia-smi.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-doctor-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

// As an H100's nvidia-smi printed it.
const h100 = '0, NVIDIA H100 80GB HBM3, 580.159.04, 81559, 81079, 9.0\n';
const good = (stdout: string): Answer => ({ code: 0, stdout, stderr: '' });
const bad = (stderr: string): Answer => ({ code: 1, stdout: '', stderr });

/** A machine with everything, on which the answers given differ; undefined is a program that is not there. */
function machineWith(answers: Record<string, Answer | undefined> = {}, more: Partial<Machine> = {}): Machine {
  const all: Record<string, Answer | undefined> = {
    'docker version': good('28.5.1\n'),
    'docker info': good(
      '{"ServerVersion":"28.5.1","DockerRootDir":"/var/lib/docker","Runtimes":{"runc":{},"nvidia":{}}}',
    ),
    'docker compose': good('2.40.3\n'),
    'docker image': good('19000000000\n'),
    'nvidia-smi --query-gpu=index,name,driver_version,memory.total,memory.free,compute_cap': good(h100),
    'python3 -c': good('3.12.3\n'),
    ...answers,
  };
  return {
    ...{ platform: 'linux', arch: 'x64', nodeVersion: '24.21.0', env: {} },
    run: async (command, args) => all[`${command} ${args[0]}`],
    listeners: async () => [],
    space: async () => ({ free: 100e9, total: 200e9 }),
    memory: async () => ({ total: 64e9, available: 48e9 }),
    ...more,
  };
}

const smi = 'nvidia-smi --query-gpu=index,name,driver_version,memory.total,memory.free,compute_cap';

async function doctor(machine: Machine, more: Partial<Examination> = {}) {
  const target = findTarget('triton:26.07');
  const report = await examine({ machine, engine: 'triton', target, gpu: true, ports: [], ...more });
  const found = (subject: string) => report.findings.find((finding) => finding.subject === subject);
  return { ...report, found };
}

test('a machine that has everything passes', async () => {
  const { passed, found } = await doctor(machineWith());
  expect(passed).toBe(true);
  expect(found('gpu 0')?.detail).toBe('NVIDIA H100 80GB HBM3, 81079 of 81559 MiB free, compute capability 9.0');
  expect(found('driver')).toMatchObject({
    status: 'ok',
    detail: '580.159.04 runs CUDA 13.3, by its minor version compatibility; triton:26.07 was built with 610.43.02',
  });
});

test('what is not there is missing for the engine that needs it, with a fix, and not needed for the other', async () => {
  const bare = machineWith({ 'docker version': undefined, [smi]: undefined });
  const triton = await doctor(bare);
  expect(triton.passed).toBe(false);
  expect(triton.found('docker')).toMatchObject({ status: 'missing', fix: expect.stringContaining('install Docker') });
  expect(triton.found('gpu')).toMatchObject({ status: 'missing', detail: 'there is no NVIDIA driver (no nvidia-smi)' });
  expect((await doctor(bare, { engine: 'embedded' })).passed).toBe(true);
  expect((await doctor(bare, { gpu: false, tritonserver: '/opt/tritonserver' })).passed).toBe(true);
});

test.each<[string, Record<string, Answer | undefined>, string, string, string]>([
  [
    'no daemon',
    { 'docker info': bad('Cannot connect to the Docker daemon') },
    'docker',
    'Cannot connect',
    'start the Docker',
  ],
  [
    'no rights',
    { 'docker info': bad('permission denied while trying') },
    'docker',
    'permission denied',
    'group docker',
  ],
  [
    'no compose',
    { 'docker compose': bad('unknown command') },
    'docker compose',
    'no command compose',
    'docker-compose-plugin',
  ],
  [
    'no toolkit',
    { 'docker info': good('{"Runtimes":{"runc":{}}}') },
    'docker gpu',
    'no GPU',
    'NVIDIA Container Toolkit',
  ],
  ['no device', { [smi]: bad('No devices were found') }, 'gpu', 'No devices were found', 'install the driver'],
  [
    'an old driver',
    { [smi]: good(h100.replace('580.159.04', '570.124.06')) },
    'driver',
    'too old for CUDA 13.3',
    'driver 610.43.02',
  ],
  [
    'an old GPU',
    { [smi]: good('0, Tesla V100, 580.95.05, 16384, 16000, 7.0\n') },
    'gpu 0',
    'has code from 7.5 on',
    'triton:25.07',
  ],
])('%s', async (_name, answers, subject, detail, fix) => {
  const { passed, findings } = await doctor(machineWith(answers));
  expect(passed).toBe(false);
  const finding = findings.find((one) => one.subject === subject && one.status === 'missing');
  expect(finding?.detail).toContain(detail);
  expect(finding?.fix).toContain(fix);
});

test('GPUs by the Container Device Interface are seen, and an image that is not there yet', async () => {
  const info =
    '{"Runtimes":{"runc":{}},"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=0"}],"DockerRootDir":"/d"}';
  const answers = { 'docker info': good(info), 'docker image': bad('No such image') };
  const little = async (path: string) => ({ free: path === '/d' ? 5e9 : 100e9, total: 200e9 });
  const { passed, found } = await doctor(machineWith(answers, { space: little }));
  expect(passed).toBe(true);
  expect(found('docker gpu')?.detail).toContain('Container Device Interface');
  expect(found('triton image')?.fix).toContain('docker pull nvcr.io/nvidia/tritonserver:26.07-py3');
  expect(found('disk of docker')).toMatchObject({ status: 'warning', detail: expect.stringContaining('5.0 GB free') });
});

test('a release with known holes is told', async () => {
  const { found } = await doctor(machineWith(), { target: findTarget('triton:25.06') });
  expect(found('triton release')).toMatchObject({ status: 'warning', fix: 'set target to triton:25.07 or later' });
});

test('a port that is held is missing, with who holds it', async () => {
  const listeners = async () => [{ port: 8000, pid: 7, program: 'caddy' }, { port: 8001 }];
  const ports = [8000, 8001, 8002].map((port) => ({ port, use: 'HTTP' }));
  const { passed, found } = await doctor(machineWith({}, { listeners }), { ports });
  expect(passed).toBe(false);
  expect(found('port 8000')?.detail).toBe('held by caddy (7), but HTTP listens on it');
  expect(found('port 8001')?.detail).toContain("another user's process");
  expect(found('port 8002')?.status).toBe('ok');
});

test('plans are held against the target and the GPU', async () => {
  const dir = join(root, 'plans');
  await writeRepository(dir, { plan: 'name: "plan"\nbackend: "tensorrt"\nmax_batch_size: 8\n' });
  await writeFile(join(dir, 'plan/1/model.plan'), 'a plan');
  const manifest = {
    ...{ format: 1, name: 'plan', version: 1, inputsHash: 'x', inputs: {}, artifacts: {}, source: {}, tensors: {} },
    ...{ tool: { name: 'conch-triton', version: '0.1.0', node: 'v24' }, target: 'triton:26.03', created: '' },
    tensorrt: { version: '10.9.0', computeCapability: '8.9' },
  };
  await writeFile(join(dir, 'plan/conch.json'), JSON.stringify(manifest));
  const { findings, passed } = await doctor(machineWith(), {
    target: findTarget('triton:26.03'),
    repository: await openRepository(dir),
  });
  expect(passed).toBe(false);
  const details = findings.filter(({ subject }) => subject === 'plan plan').map(({ detail }) => detail);
  expect(details.join('\n')).toContain('built for compute capability 8.9, the GPU has 9.0');
  expect(details.join('\n')).toContain('10.9.0');
});

test('Python models of the embedded server need an interpreter with numpy', async () => {
  const dir = join(root, 'python');
  await writeRepository(dir, { py: 'name: "py"\nbackend: "python"\n' });
  const repository = await openRepository(dir);
  const without = machineWith({ 'python3 -c': bad('No module named numpy') });
  const embedded = await doctor(without, { engine: 'embedded', gpu: false, repository });
  expect(embedded.found('python')?.detail).toBe('py run in Python on the embedded server, but python3 lacks numpy');
  expect(embedded.passed).toBe(false);
  expect((await doctor(without, { gpu: false, repository })).passed).toBe(true);
});

test('TorchScript needs a Python with PyTorch, which conch env makes where CONCH_PYTHON names none', async () => {
  const dir = join(root, 'torchscript');
  await writeRepository(dir, { net: 'name: "net"\nbackend: "pytorch"\n' });
  const repository = await openRepository(dir);
  const examined = async (env: NodeJS.ProcessEnv, answers: Record<string, Answer>) =>
    (await doctor(machineWith(answers, { env }), { engine: 'embedded', gpu: false, repository })).found('python');
  const none = { CONCH_ENVIRONMENT: join(root, 'environment') };
  const lacks = { 'python3 -c': bad('No module named torch') };
  expect(await examined(none, lacks)).toMatchObject({
    detail: 'net run in Python on the embedded server, but python3 lacks numpy, torch',
    fix: expect.stringMatching(/^conch env makes one/),
  });
  await mkdir(none.CONCH_ENVIRONMENT, { recursive: true });
  await writeFile(join(none.CONCH_ENVIRONMENT, 'conch-environment.json'), '{"installer":"pip"}');
  const made = join(none.CONCH_ENVIRONMENT, 'bin/python3');
  const found = await examined(none, { ...lacks, [`${made} -c`]: good('3.12.3\n') });
  expect(found).toMatchObject({ status: 'ok', detail: `${made}, Python 3.12.3, with numpy, torch` });
  const named = await examined({ ...none, CONCH_PYTHON: 'mine' }, { ...lacks, 'mine -c': bad('No module') });
  expect(named?.fix).toBe('install Python 3 with numpy, torch, or name one in CONCH_PYTHON');
});

test('little memory and a small /dev/shm are warned of', async () => {
  const dir = join(root, 'python');
  const repository = await openRepository(dir);
  const machine = machineWith(
    {},
    { memory: async () => ({ total: 10, available: 10 }), space: async () => ({ free: 1e6, total: 64e6 }) },
  );
  const { found } = await doctor(machine, { engine: 'embedded', repository });
  expect(found('memory')?.status).toBe('warning');
  expect(found('/dev/shm')).toMatchObject({ status: 'warning', fix: expect.stringContaining('--shm-size=1g') });
  expect(found('disk of models')?.status).toBe('warning');
});

test('an old Node.js is missing', async () => {
  const { found } = await doctor(machineWith({}, { nodeVersion: '20.20.2' }));
  expect(found('node')).toMatchObject({
    status: 'missing',
    detail: expect.stringMatching(/^Node.js 20.20.2, at least 22/),
  });
});

test('nvidia-smi: several GPUs, names with commas, warnings, what it does not tell', () => {
  const text = `WARNING: infoROM is corrupted\n${h100}1, NVIDIA A, B, 470.82.01, [N/A], [N/A], [N/A]\n`;
  expect(parseGpus(text)).toEqual([
    {
      index: 0,
      name: 'NVIDIA H100 80GB HBM3',
      driver: '580.159.04',
      memoryMiB: 81559,
      freeMiB: 81079,
      computeCapability: '9.0',
    },
    { index: 1, name: 'NVIDIA A, B', driver: '470.82.01', memoryMiB: 0, freeMiB: 0, computeCapability: undefined },
  ]);
  expect(parseGpus('Field "compute_cap" is not a valid field to query.\n')).toEqual([]);
});

test('the tables cover the targets', () => {
  const cudas = new Set(targets.map(({ cuda }) => cuda!.split('.')[0]!));
  expect([...cudas].filter((cuda) => !oldestDrivers[cuda] || !lowestCapabilities[cuda])).toEqual([]);
  const known = targets.map(({ release }) => release);
  for (const [release, driver] of Object.entries(imageDrivers)) {
    expect(known).toContain(release);
    const cuda = targets.find((target) => target.release === release)!.cuda!.split('.')[0]!;
    expect(compareVersions(driver, oldestDrivers[cuda]!)).toBeGreaterThanOrEqual(0);
  }
});

test('listening sockets are read as the kernel and lsof tell them', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0',
    '   1: 0100007F:1F41 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0 20 4 30 10 -1',
  ].join('\n');
  expect(parseProcNet(table)).toEqual([{ port: 8000, inode: '12345' }]);
  expect(parseLsof('p42\ncnode\nf20\nn127.0.0.1:8000\nn*:8001\np43\ncx\nn[::1]:80\n')).toEqual([
    { port: 8000, pid: 42, program: 'node' },
    { port: 8001, pid: 42, program: 'node' },
    { port: 80, pid: 43, program: 'x' },
  ]);
});

test('this machine answers: a socket of this process is found, and a program that is not there', async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  const machine = thisMachine();
  const found = (await machine.listeners()).find((listener) => listener.port === port);
  server.close();
  expect(found).toMatchObject({ port, pid: process.pid });
  expect(await machine.run('no-such-program-of-conch', [])).toBeUndefined();
  expect(await machine.run(process.execPath, ['-e', 'process.exit(3)'])).toMatchObject({ code: 3 });
  expect((await machine.space(join(root, 'not/there')))?.free).toBeGreaterThan(0);
  expect((await machine.memory()).available).toBeGreaterThan(0);
});
