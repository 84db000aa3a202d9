import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseConfig } from '../../config/index.ts';
import {
  type CheckpointDeployment,
  checkDeployment,
  compileDeployment,
  dryRunDeployment,
  type LoadedDeployment,
  type TensorrtSettings,
} from '../index.ts';
import { FakeDocker, type FakeTensorrt } from './testing/fake-docker.ts';

// What conch asks Docker, trtexec and others to do, and what it makes of their answers; no GPU is there.
const golden = join(import.meta.dirname, '../../../test/golden/encoders');
const words = Array.from({ length: 55 }, (_, index) => `word${index}`);
let dir: string;
let docker: FakeDocker;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-tensorrt-'));
  docker = new FakeDocker(dir);
  vi.stubEnv('PATH', docker.bin);
  vi.stubEnv('CONCH_CACHE', join(dir, 'cache'));
  const checkpoint = join(dir, 'checkpoint');
  await cp(join(golden, 'bert-multi-label'), checkpoint, { recursive: true });
  await writeFile(join(checkpoint, 'vocab.txt'), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n'));
  await writeFile(join(checkpoint, 'tokenizer_config.json'), '{"tokenizer_class":"BertTokenizer"}');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

/** The deployment of a model `m` for a release whose TensorRT is known, 10.16.0. */
function deployment(
  tensorrt: TensorrtSettings = {},
  more: Partial<CheckpointDeployment> = {},
  target = 'triton:26.03',
): LoadedDeployment {
  const m = { checkpoint: './checkpoint', max_batch_size: 8, tensorrt, ...more };
  return { deployment: checkDeployment({ target, models: { m } }, 'conch.config.ts'), file: undefined, baseDir: dir };
}

const compile = (...args: Parameters<typeof deployment>) => compileDeployment(deployment(...args), {});
const failure = async (...args: Parameters<typeof deployment>) => {
  const error = await compile(...args).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  return String(error)
    .replaceAll(dir, 'DIR')
    .replaceAll(/m-model-[0-9a-f]{8}/g, 'm-model-HASH');
};
const commands = async (...args: Parameters<typeof deployment>) => {
  const { models } = await dryRunDeployment(deployment(...args), {});
  const lines = models.flatMap(({ steps }) => steps.map((step) => step as { does: string; shell: string }));
  const place = (text: string) => text.replaceAll(dir, 'DIR').replaceAll(/m-model-[0-9a-f]{8}/g, 'm-model-HASH');
  return lines.map(({ does, shell }) => `${does}: ${place(shell)}`);
};
const manifest = async () => JSON.parse(await readFile(join(dir, 'models/m-model/conch.json'), 'utf8'));
const config = async () => parseConfig(await readFile(join(dir, 'models/m-model/config.pbtxt'), 'utf8')).config;

const names = ['input_ids', 'attention_mask', 'token_type_ids'];
const shapes = (shape: string) => names.map((name) => `${name}:${shape}`).join(',');
const inputs = (sample: number, folder = '/work') =>
  names.map((name) => `${name}:${folder}/sample-${sample}/${name}.bin`).join(',');
const image = 'nvcr.io/nvidia/tritonserver:26.03-py3';
const dockerRun = `docker run --rm --name conch-m-model-HASH --gpus all -v DIR/cache/tensorrt/m-model-HASH:/work ${image} /usr/src/tensorrt/bin/trtexec`;

const once = '--iterations=1 --warmUp=0 --duration=0';

test('the commands for the serving image, to the letter', async () => {
  const run = (sample: number, shape: string) =>
    `run: ${dockerRun} --loadEngine=/work/model.plan --shapes=${shapes(shape)} --loadInputs=${inputs(sample)} --exportOutput=/work/sample-${sample}/outputs.json ${once}`;
  expect(await commands()).toEqual([
    `environment: docker run --rm --entrypoint printenv ${image}`,
    `build: ${dockerRun} --onnx=/work/model.onnx --saveEngine=/work/model.plan --stronglyTyped --noTF32 --minShapes=${shapes('1x1')} --optShapes=${shapes('8x32')} --maxShapes=${shapes('8x32')} --timingCacheFile=/work/timing.cache --skipInference`,
    run(0, '8x31'),
    run(1, '1x7'),
    run(2, '2x32'),
  ]);
  expect(docker.log()).toEqual([]);
});

test('a profile up to each preferred batch size, and the builder settings', async () => {
  const lines = await commands(
    {
      workspace: 2048,
      builder_optimization_level: 5,
      hardware_compatibility_level: 'ampere+',
      tf32: true,
      gpus: 'device=1',
    },
    { max_length: 16, dynamic_batching: { preferred_batch_size: [2, 4] } },
  );
  const profile = (index: number, size: number) =>
    `--profile=${index} --minShapes=${shapes('1x1')} --optShapes=${shapes(`${size}x16`)} --maxShapes=${shapes(`${size}x16`)}`;
  expect(lines[1]).toBe(
    `build: ${dockerRun.replace('all', 'device=1')} --onnx=/work/model.onnx --saveEngine=/work/model.plan --stronglyTyped ${profile(0, 2)} ${profile(1, 4)} ${profile(2, 8)} --memPoolSize=workspace:2048 --builderOptimizationLevel=5 --hardwareCompatibilityLevel=ampere+ --timingCacheFile=/work/timing.cache --skipInference`,
  );
  // The profiles that take the batch of 8, the single text and the two.
  expect(lines.slice(2).map((line) => /--useProfile=\d/.exec(line)?.[0])).toEqual([
    '--useProfile=2',
    undefined,
    undefined,
  ]);
});

test('profiles of the deployment, another image, and one plan a GPU', async () => {
  const profiles = [
    { min: { batch: 1, sequence: 2 }, opt: { batch: 4, sequence: 16 }, max: { batch: 8, sequence: 32 } },
  ];
  const lines = await commands({
    ...{ profiles, image: 'mirror.example/tritonserver:26.03-py3', trtexec: '/opt/trtexec' },
    compute_capabilities: {
      '8.9': { gpus: 'device=0' },
      '9.0': { where: { command: ['ssh', 'h100'], folder: '/scratch/conch' } },
    },
  });
  const build = (folder: string, plan: string) =>
    `/opt/trtexec --onnx=${folder}/model.onnx --saveEngine=${folder}/${plan} --stronglyTyped --noTF32 --minShapes=${shapes('1x2')} --optShapes=${shapes('4x16')} --maxShapes=${shapes('8x32')} --timingCacheFile=${folder}/timing.cache --skipInference`;
  expect(lines.filter((line) => !line.startsWith('run: '))).toEqual([
    'environment: docker run --rm --entrypoint printenv mirror.example/tritonserver:26.03-py3',
    `build: docker run --rm --name conch-m-model-HASH --gpus device=0 -v DIR/cache/tensorrt/m-model-HASH:/work mirror.example/tritonserver:26.03-py3 ${build('/work', 'model-8.9.plan')}`,
    'environment: ssh h100 printenv',
    `build: ssh h100 ${build('/scratch/conch', 'model-9.0.plan')}`,
  ]);
});

test('a template for another host has the whole command in one place', async () => {
  const where = {
    command: ['sh', '-c', 'rsync -a {work}/ gpu:{folder}/ && ssh gpu {trtexec} && rsync -a gpu:{folder}/ {work}/'],
    folder: '/tmp/plan',
  };
  const [build] = await commands({ where, version: '10.16.0' });
  expect(build).toBe(
    `build: sh -c 'rsync -a DIR/cache/tensorrt/m-model-HASH/ gpu:/tmp/plan/ && ssh gpu trtexec --onnx=/tmp/plan/model.onnx --saveEngine=/tmp/plan/model.plan --stronglyTyped --noTF32 --minShapes=${shapes('1x1')} --optShapes=${shapes('8x32')} --maxShapes=${shapes('8x32')} --timingCacheFile=/tmp/plan/timing.cache --skipInference && rsync -a gpu:/tmp/plan/ DIR/cache/tensorrt/m-model-HASH/'`,
  );
});

test('a plan, compared with its ONNX, in the repository with what it was built by', async () => {
  docker.is({ environment: { TRT_VERSION: '10.16.0.72+cuda13.2', CUDA_VERSION: '13.2.0.044' } });
  const progress = await compile();
  expect(progress.models.map(({ name, action }) => `${name} ${action}`)).toEqual([
    'm-tokenizer built',
    'm-model built',
    'm built',
  ]);
  expect(await readFile(join(dir, 'models/m-model/1/model.plan'), 'utf8')).toBe('plan of 10.16.0 for 8.9');
  expect(await config()).toMatchObject({
    platform: 'tensorrt_plan',
    backend: 'tensorrt',
    default_model_filename: 'model.plan',
    max_batch_size: 8,
    instance_group: [{ count: 1, kind: 'KIND_GPU' }],
    output: [{ name: 'logits', label_filename: 'labels.txt' }],
  });
  const { tensorrt, gate, artifacts } = await manifest();
  expect(Object.keys(artifacts)).toContain('1/model.plan');
  expect(gate).toMatchObject({ passed: true, precision: 'fp32' });
  expect(tensorrt).toEqual({
    ...{ version: '10.16.0', cuda: '13.2.0.044', computeCapability: '8.9', stronglyTyped: true },
    profiles: [{ min: 1, opt: 8, max: 8, sequence: { min: 1, opt: 32, max: 32 } }],
    plans: [
      {
        ...{
          plan: 'model.plan',
          version: '10.16.0',
          cuda: '13.2.0.044',
          computeCapability: '8.9',
          device: 'NVIDIA L4',
        },
        ...{ where: 'docker', image },
        timingCache: { file: 'timing-26.03.cache', hash: expect.stringMatching(/^sha256:/) },
        comparison: {
          samples: 3,
          worstAbsoluteError: expect.any(Number),
          cosine: expect.any(Number),
          labelAgreement: 1,
        },
      },
    ],
  });
  expect(tensorrt.plans[0].comparison.worstAbsoluteError).toBeLessThan(1e-5);
  expect(await readFile(join(dir, 'cache/tensorrt/timing-26.03.cache'), 'utf8')).toBe('measured');
  expect(docker.log().map((line) => line.split(' ', 3).join(' '))).toEqual(Array(5).fill('docker run --rm'));
  expect((await compile()).models.map(({ action }) => action)).toEqual(['unchanged', 'unchanged', 'unchanged']);
});

test('INT8 by QuantizeLinear and DequantizeLinear', async () => {
  await compile({}, { precision: 'int8-static', gate: { label_agreement: 0 } });
  const { tensorrt, gate } = await manifest();
  expect(gate).toMatchObject({ passed: true, precision: 'int8-static' });
  expect(tensorrt.plans[0].comparison).toMatchObject({ samples: 3, labelAgreement: 1 });
});

test('several profiles and capabilities are in the configuration', async () => {
  await compile({ compute_capabilities: { '8.9': {} } }, { dynamic_batching: { preferred_batch_size: [4] } });
  expect(await config()).toMatchObject({
    default_model_filename: 'model-8.9.plan',
    cc_model_filenames: { '8.9': 'model-8.9.plan' },
    instance_group: [{ kind: 'KIND_GPU', profile: ['0', '1'] }],
  });
});

test('on another host, through a prefix', async () => {
  await compile({ where: { command: ['trtexec'] }, trtexec: 'over-there' }, { precision: 'fp16' });
  expect((await manifest()).tensorrt).toMatchObject({ version: '10.16.0', plans: [{ where: 'command' }] });
  expect(docker.log()[1]).toMatch(/^trtexec over-there --onnx=/);
});

test('check passes for the target that it was built for, and fails for another', async () => {
  const { check } = await import('../../check/index.ts');
  const { findTarget } = await import('../../onnx/index.ts');
  const { openRepository } = await import('../../repository/index.ts');
  docker.is({ version: '10.3.0' });
  await compile({ version: '10.3.0' }, {}, 'triton:26.07');
  const repository = await openRepository(join(dir, 'models'), { inspect: true });
  const errors = (target: string) =>
    check(repository, findTarget(target))
      .filter(({ severity }) => severity === 'error')
      .map(({ code }) => code);
  expect(errors('triton:26.07')).toEqual([]);
  expect(errors('triton:26.03')).toEqual(['ensemble/member-refused', 'plan/tensorrt-version']);
});

const failures: [string, FakeTensorrt, TensorrtSettings, string, (string | RegExp)?][] = [
  [
    'the parser refuses the graph',
    {
      fails: {
        build:
          '[11/26/2026-10:00:00] [E] [TRT] In node 3 with name: gelu and operator: Gelu (importNode): UNSUPPORTED_NODE: Assertion failed: Unsupported operator\n[11/26/2026-10:00:00] [E] Failed to parse onnx file\n[11/26/2026-10:00:00] [E] Engine set up failed\n&&&& FAILED TensorRT.trtexec [TensorRT v101600]',
      },
    },
    {},
    'DIR/cache/logs/m-model-tensorrt.log: m-model: trtexec: In node 3 with name: gelu and operator: Gelu (importNode): UNSUPPORTED_NODE: Assertion failed: Unsupported operator',
    "fix: TensorRT's parser refuses the graph: use precision 'fp32' or 'fp16'",
  ],
  [
    'the GPU has too little memory',
    {
      fails: {
        build:
          '[11/26/2026-10:00:00] [E] Error[2]: [virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 2: OutOfMemory (Requested size was 8589934592 bytes.)',
      },
    },
    {},
    'm-model: trtexec: Error[2]: [virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 2: OutOfMemory',
    'fix: free the GPU of other work, set tensorrt.workspace',
  ],
  [
    'it takes too long',
    { waits: true },
    { timeout_seconds: 0.5, where: { command: ['trtexec'] } },
    'm-model: trtexec was not done after 0.5 s',
    'fix: raise tensorrt.timeout_seconds',
  ],
  [
    'the image has another TensorRT',
    { environment: { TRT_VERSION: '10.3.0.26+cuda12.6' } },
    { image: 'mirror.example/tritonserver:24.08-py3' },
    'm-model: mirror.example/tritonserver:24.08-py3 has TensorRT 10.3.0.26+cuda12.6, triton:26.03 loads plans of 10.16.0; nothing was written',
    'fix: leave image out',
  ],
  [
    'the host has another TensorRT',
    { version: '10.15.1' },
    { where: { command: ['trtexec'] } },
    'm-model: where: command has TensorRT 10.15.1, triton:26.03 loads plans of 10.16.0; nothing was written',
    'fix: install TensorRT 10.16.0 there',
  ],
  [
    'the GPU is not the one asked for',
    { computeCapability: '8.6' },
    { compute_capabilities: { '9.0': {} } },
    'm-model: the plan for compute capability 9.0 was built on a GPU of 8.6',
    'fix: name the right GPU',
  ],
  [
    'Docker has no GPU',
    {
      fails: {
        build: 'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
      },
    },
    {},
    'm-model: Docker gives containers no GPU here (docker: Error response from daemon: could not select device driver',
    /fix: install the NVIDIA Container Toolkit.*DIR\/cache\/tensorrt\/m-model-HASH holds model.onnx; the command was: docker run --rm --name conch-m-model-HASH --gpus all/,
  ],
  [
    'the daemon does not run',
    { fails: { environment: 'docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' } },
    {},
    'm-model: the Docker daemon cannot be reached',
  ],
  [
    'the image has no trtexec',
    {
      fails: {
        build:
          'docker: Error response from daemon: exec: "/usr/src/tensorrt/bin/trtexec": stat /usr/src/tensorrt/bin/trtexec: no such file or directory',
      },
    },
    {},
    'm-model: trtexec is not there',
    'fix: give its path in tensorrt.trtexec',
  ],
  [
    'no plan comes back',
    { writesNothing: true },
    {},
    'm-model: trtexec passed, but there is no plan at DIR/cache/tensorrt/m-model-HASH/model.plan',
  ],
  [
    'the plan does not run',
    {
      fails: {
        run: '[11/26/2026-10:00:00] [E] Error[1]: [runtime.cpp::deserializeCudaEngine] Error Code 1: Serialization assertion failed: Version tag does not match',
      },
    },
    {},
    'm-model: trtexec: Error[1]: [runtime.cpp::deserializeCudaEngine] Error Code 1',
    'fix: the plan and what runs it must be of the same TensorRT',
  ],
  [
    'the plan answers something else',
    { error: 0.01 },
    {},
    'm-model in fp32: model.plan: the worst absolute error is 0.0100, more than 0.0001',
  ],
];

test.each(failures)('%s: nothing is written', async (_, facts, settings, message, fix) => {
  docker.is(facts);
  const said = await failure(settings);
  expect(said).toContain(message);
  if (typeof fix === 'string') expect(said).toContain(fix);
  else if (fix) expect(said).toMatch(fix);
  await expect(manifest()).rejects.toThrow('ENOENT');
});

test('a container that takes too long is ended', async () => {
  docker.is({ waits: true });
  expect(await failure({ timeout_seconds: 1 })).toContain('m-model: docker was not done after 1 s');
  expect(docker.log().at(-1)).toMatch(/^docker kill conch-m-model-[0-9a-f]{8}$/);
});

test('without Docker it says what is missing and how else to get the plan', async () => {
  vi.stubEnv('PATH', join(dir, 'nothing'));
  expect(await failure()).toMatch(
    /^m-model: a plan is built in the serving image, and docker is not on PATH\n {2}fix: install Docker with the NVIDIA Container Toolkit, or set tensorrt.where; or build on another host with where: /,
  );
});

test('without a package tensorrt it says so before anything is built', async () => {
  vi.stubEnv('CONCH_PYTHON', join(dir, 'no-python'));
  expect(await failure({ where: 'python' })).toContain('tensorrt.where is python, but DIR/no-python is no Python 3');
});

test('a target whose TensorRT is not known: only its own image will do', async () => {
  const where = { command: ['trtexec'] };
  expect(await failure({ where }, {}, 'triton:26.07')).toContain(
    'm-model: nothing tells which TensorRT triton:26.07 has, so that a plan built outside its image cannot be known to fit',
  );
  docker.is({ environment: { NVIDIA_TRITON_SERVER_VERSION: '26.06' } });
  expect(await failure({}, {}, 'triton:26.07')).toContain(
    'm-model: image nvcr.io/nvidia/tritonserver:26.07-py3 is Triton 26.06, the target is 26.07',
  );
  docker.is({ environment: { NVIDIA_TRITON_SERVER_VERSION: '26.07' }, version: '11.1.0' });
  await compile({}, {}, 'triton:26.07');
  expect((await manifest()).tensorrt.version).toBe('11.1.0');
});

const refusals: [TensorrtSettings, Partial<CheckpointDeployment>, string, string?][] = [
  [{}, { layout: 'packed' }, 'models.m.layout: a TensorRT plan takes padded texts only'],
  [{}, { precision: 'int8' }, 'models.m.precision: a TensorRT plan is built from fp32, fp16, int8-static, got int8'],
  [{}, { max_batch_size: 0 }, "models.m.max_batch_size: a plan's profiles need the largest batch, it is 0"],
  [{}, {}, 'models.m.tensorrt: target embedded has no TensorRT', 'embedded'],
  [{ version: '10.3.0' }, {}, 'models.m.tensorrt.version: 10.3.0, but triton:26.03 has TensorRT 10.16.0'],
  [
    { profiles: [{ min: { batch: 1, sequence: 1 }, opt: { batch: 4, sequence: 8 }, max: { batch: 4, sequence: 32 } }] },
    {},
    'models.m.tensorrt.profiles: none takes batch 8 with sequence 32, which the configuration allows; they end at batch 4 and sequence 32',
  ],
  [
    { profiles: [{ min: { batch: 1, sequence: 1 }, opt: { batch: 9, sequence: 8 }, max: { batch: 8, sequence: 32 } }] },
    {},
    'models.m.tensorrt.profiles[0]: batch is 1, 9, 8; expected min <= opt <= max',
  ],
  [
    { profiles: [{ min: { batch: 1 }, opt: { batch: 8 }, max: { batch: 8 } }] },
    {},
    'models.m.tensorrt.profiles[0]: sequence is needed in min, opt and max',
  ],
  [
    { where: { command: ['ssh', 'gpu'], folder: '/tmp/a b' } },
    {},
    "models.m.tensorrt.where.folder: '/tmp/a b' has characters that a shell on the other host would interpret",
  ],
];

test.each(refusals)('refuses %j with %j', async (settings, more, message, target) => {
  expect(await failure(settings, more, target)).toContain(message);
  expect(docker.log()).toEqual([]);
});

test('wrong fields of the deployment are named', () => {
  expect(() => deployment({ where: 'nowhere', timing: 'x', compute_capabilities: {} } as never)).toThrow(
    /models\.m\.tensorrt\.where: .*models\.m\.tensorrt\.compute_capabilities: expected at least one/,
  );
});
