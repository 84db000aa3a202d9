// biome-ignore-all lint/suspicious/noExplicitAny: the bodies are JSON that the assertions look into.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CompileResult,
  check,
  compileDeployment,
  connect,
  loadDeployment,
  openRepository,
  startProxy,
  startServer,
  validate,
} from '../src/index.ts';
import type { RunningProxy } from '../src/proxy/index.ts';
import type { RunningServer } from '../src/server/index.ts';

// The whole way of both examples, over real files, threads and sockets: compile, check, serve, proxy, validate.
const root = resolve(import.meta.dirname, '..');
const expected = { finbert: 'examples/finbert/expected.jsonl', simple_net: 'examples/simple_net/expected.jsonl' };
let folder: string;
let compiled: CompileResult;
let server: RunningServer;
let proxy: RunningProxy;

beforeAll(async () => {
  // A space and a letter beyond ASCII in the path, since users have them.
  folder = await mkdtemp(join(tmpdir(), 'conch größe '));
  const loaded = await loadDeployment(join(root, 'conch.config.ts'));
  compiled = await compileDeployment(loaded, { repository: join(folder, 'models') });
  server = await startServer({ repository: compiled.repository, httpPort: 0, metricsPort: 0 });
  proxy = await startProxy({ server: server.url, port: 0 });
  await proxy.whenReady();
});

afterAll(async () => {
  await proxy?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<{ status: number; body: any }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${proxy.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

async function lines(file: string): Promise<any[]> {
  const text = await readFile(join(root, file), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('four models stand in the repository, each complete', async () => {
  expect(compiled.models.map((model) => [model.name, model.action])).toEqual([
    ['simple_net', 'built'],
    ['finbert-tokenizer', 'built'],
    ['finbert-model', 'built'],
    ['finbert', 'built'],
  ]);
  for (const { name } of compiled.models) {
    const dir = join(compiled.repository, name);
    expect(await readFile(join(dir, 'config.pbtxt'), 'utf8')).toContain(`name: "${name}"`);
    expect(JSON.parse(await readFile(join(dir, 'conch.json'), 'utf8'))).toMatchObject({ name, version: 1 });
  }
  expect((await stat(join(compiled.repository, 'finbert-model/1/model.onnx'))).size).toBeGreaterThan(1e5);
  expect(await readFile(join(compiled.repository, 'finbert/labels.txt'), 'utf8')).toBe('positive\nnegative\nneutral\n');
});

test('the checker has nothing against it, and says what variable lengths cost', async () => {
  const found = check(await openRepository(compiled.repository, { inspect: true }));
  expect(found.map(({ severity, code, model }) => [severity, code, model])).toEqual([
    ['info', 'batching/variable-shapes', 'finbert-model'],
  ]);
});

test('compiling again changes nothing', async () => {
  const loaded = await loadDeployment(join(root, 'conch.config.ts'));
  const again = await compileDeployment(loaded, { repository: compiled.repository });
  expect(again.models.map((model) => model.action)).toEqual(['unchanged', 'unchanged', 'unchanged', 'unchanged']);
});

test('a configuration edited by hand is kept, and said to be', async () => {
  const loaded = await loadDeployment(join(root, 'conch.config.ts'));
  const file = join(compiled.repository, 'simple_net/config.pbtxt');
  const text = await readFile(file, 'utf8');
  await writeFile(file, `${text}# mine\n`);
  try {
    const again = await compileDeployment(loaded, { repository: compiled.repository });
    expect(again.models.map((model) => model.action)).toEqual(['unchanged', 'unchanged', 'unchanged', 'unchanged']);
    expect(again.models.flatMap(({ name, edited }) => edited.map((one) => `${name}/${one}`))).toEqual([
      'simple_net/config.pbtxt',
    ]);
    expect(await readFile(file, 'utf8')).toContain('# mine');
  } finally {
    await writeFile(file, text);
  }
});

test("the served pipeline gives the source model's outputs", async () => {
  const client = connect(server.url);
  try {
    for (const [model, expect_] of Object.entries(expected)) {
      const report = await validate({ client, model, expect: join(root, expect_) });
      expect(report.failures).toEqual([]);
      expect(report).toMatchObject({ passed: true, count: (await lines(expect_)).length });
    }
    const report = await validate({ client, model: 'finbert', expect: join(root, expected.finbert) });
    expect(report.accuracy!.served.macroF1).toBeGreaterThan(0.8);
  } finally {
    await client.close();
  }
});

test('the proxy classifies one text or several', async () => {
  const [first, second] = await lines(expected.finbert);
  const one = await post('/models/finbert', { text: first.text });
  expect(one.status).toBe(200);
  const scores: { label: string; logits: number[]; scores: Record<string, number> } = one.body;
  expect(Object.keys(scores.scores)).toEqual(['positive', 'negative', 'neutral']);
  expect(Object.values(scores.scores).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  expect(scores.scores[scores.label]).toBe(Math.max(...Object.values(scores.scores)));
  (first.logits as number[]).forEach((logit, index) => void expect(scores.logits[index]).toBeCloseTo(logit, 4));

  const several = await post('/models/finbert', { text: [first.text, second.text] });
  expect(several.body).toHaveLength(2);
});

test('the proxy predicts with simple_net', async () => {
  const [line] = await lines(expected.simple_net);
  const { status, body } = await post('/models/simple_net', { x: line.inputs.x[0] });
  expect(status).toBe(200);
  expect([body.prediction].flat()[0]).toBeCloseTo(line.outputs.prediction[0][0], 4);
});

test('health answers on both sides', async () => {
  for (const path of ['/health', '/healthz']) expect((await fetch(`${proxy.url}${path}`)).status).toBe(200);
  for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/models/finbert/ready']) {
    expect((await fetch(`${server.url}${path}`)).status).toBe(200);
  }
});
