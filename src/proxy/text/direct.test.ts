import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { connect } from '../../client/index.ts';
import { compileDeployment, loadDeployment } from '../../compile/index.ts';
import { type RunningServer, startServer } from '../../server/index.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '../index.ts';

// Texts tokenized in the proxy, against the ensemble on the same embedded server.
const root = resolve(import.meta.dirname, '../../..');
let folder: string;
let server: RunningServer;
const proxies: RunningProxy[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-text-'));
  await compileDeployment(await loadDeployment(join(root, 'conch.config.ts')), { repository: folder });
  server = await startServer({ repository: folder, httpPort: 0, metricsPort: false });
}, 60_000);
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

async function front(text: NonNullable<ProxyOptions['text']>): Promise<RunningProxy> {
  const proxy = await startProxy({ server: server.url, port: 0, logger: createLogger('silent'), text });
  proxies.push(proxy);
  await proxy.whenReady();
  return proxy;
}

async function post({ url }: RunningProxy, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as never };
}

/** Requests that the server's models have answered. */
async function requests(model: string): Promise<number> {
  const client = connect(server.url);
  const [statistics] = await client.statistics(model);
  await client.close();
  return Number(statistics!.inference_stats.success.count);
}

const texts = [
  'Profit rose by 12%.',
  '',
  'The plant will close: orders fell for the third month in a row, and nobody expects a turn before spring.',
  '東京 naïve [MASK] 😀',
  'a '.repeat(2000),
];

test('gives what the ensemble gives, without its tokenizer', async () => {
  const [direct, ensemble] = [
    await front({ repository: folder }),
    await front({ path: 'ensemble', repository: folder }),
  ];
  const calls = await requests('finbert-tokenizer');
  type Answer = { logits: number[]; label: string; scores: Record<string, number> };
  for (const text of texts) {
    const [one, other] = [
      await post(direct, '/models/finbert', { text }),
      await post(ensemble, '/models/finbert', { text }),
    ];
    expect(one.status).toBe(200);
    expect(one.body).toEqual(other.body);
  }
  const [many, others] = [
    (await post(direct, '/models/finbert', { text: texts })).body as Answer[],
    (await post(ensemble, '/models/finbert', { text: texts })).body as Answer[],
  ];
  for (const [at, { logits, label }] of many.entries()) {
    expect(label).toBe(others[at]!.label);
    for (const [index, logit] of logits.entries()) {
      expect(Math.abs(logit - others[at]!.logits[index]!)).toBeLessThan(1e-5);
    }
  }
  // Those of the ensemble alone.
  expect((await requests('finbert-tokenizer')) - calls).toBe(texts.length + 1);
  const timing = (await post(direct, '/models/finbert', { text: 'a' })).headers.get('server-timing');
  expect(timing).toMatch(/^queue;dur=[\d.]+, tokenize;dur=[\d.]+, infer;dur=[\d.]+, total;dur=[\d.]+$/);
});

test('a tokenizer that departs from the server’s is not used', async () => {
  const other = join(folder, '.other');
  const { mkdir, readFile } = await import('node:fs/promises');
  await mkdir(other, { recursive: true });
  const json = JSON.parse(await readFile(join(folder, 'finbert-tokenizer/1/tokenizer.json'), 'utf8'));
  json.normalizer.lowercase = !json.normalizer.lowercase;
  await writeFile(join(other, 'tokenizer.json'), JSON.stringify(json));
  const proxy = await front({ tokenizers: { 'finbert-tokenizer': other } });
  const calls = await requests('finbert-tokenizer');
  expect((await post(proxy, '/models/finbert', { text: 'Profit' })).status).toBe(200);
  expect((await requests('finbert-tokenizer')) - calls).toBe(1);
  await rm(other, { recursive: true });
});

test('where it is asked for and cannot be had, the model says so', async () => {
  const proxy = await front({ path: 'direct' });
  const { status, body } = await post(proxy, '/models/finbert', { text: 'a' });
  expect([status, (body as { error: string }).error]).toEqual([
    501,
    "model 'finbert': its tokenizer 'finbert-tokenizer' is not at hand",
  ]);
  expect((await post(proxy, '/models/simple_net', { x: Array(10).fill(1) })).status).toBe(200);
});
