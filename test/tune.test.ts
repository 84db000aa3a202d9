import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conch } from '../src/cli/testing.ts';
import { compileDeployment, loadDeployment, startServer } from '../src/index.ts';
import type { TuneReport } from '../src/measure/index.ts';

// `conch tune` with tiny numbers: on the embedded server over a copy, and by model control on one that runs.
const examples = resolve(import.meta.dirname, '../examples');
const file = `import { defineDeployment } from 'conch-triton';

export default defineDeployment({
  models: {
    // The perceptron.
    simple_net: {
      weights: 'examples/simple_net/weights.safetensors',
      layers: [{ name: 'net.0', activation: 'relu' }, { name: 'net.2', activation: 'relu' }, { name: 'net.4' }],
      max_batch_size: 8, // small on purpose
    },
    finbert: { checkpoint: 'examples/finbert/checkpoint' },
  },
});
`;
let folder: string;
let repository: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-tune-'));
  await cp(examples, join(folder, 'examples'), { recursive: true });
  await writeFile(join(folder, 'conch.config.ts'), file);
  const loaded = await loadDeployment(join(folder, 'conch.config.ts'));
  ({ repository } = await compileDeployment(loaded, {}));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const short = ['--warmup', '50ms', '--duration', '150ms', '--concurrency', '4', '--quiet'];
const few = ['--fix', 'threads,max_queue_delay_microseconds,preferred_batch_size', '--values', 'instances=1,2'];
type Answer = TuneReport & {
  change?: { diff: string; applied: boolean; next: string[] };
  error?: { code: string; message: string };
};
const tune = async (...argv: string[]) => {
  const { code, out, err } = await conch('tune', ...argv, ...short, '--json');
  return { code, err, report: JSON.parse(out) as Answer };
};
const config = (model: string) => readFile(join(repository, model, 'config.pbtxt'), 'utf8');

describe('on the embedded server', () => {
  test('measures, keeps the measurements, and writes a change of config.pbtxt when asked to', async () => {
    const before = await config('simple_net');
    const journal = join(folder, 'journal.jsonl');
    const argv = [
      'simple_net',
      '--repository',
      repository,
      ...few,
      '--values',
      'max_batch_size=4',
      '--journal',
      journal,
    ];
    const first = await tune(...argv, '--measurements', '4');
    expect(first.code).toBe(0);
    expect(first.report).toMatchObject({ configurations: 4, measurements: 4, fromJournal: 0 });
    expect(first.report.present.settings).toBe('instances 1, max_batch_size 8');
    for (const trial of first.report.trials) {
      expect(trial.failed).toBeUndefined();
      expect(trial.best!.throughput).toBeGreaterThan(0);
      expect(trial.pssBytes).toBeGreaterThan(1e6);
    }
    expect(first.report.winner).toBeDefined();
    expect(await config('simple_net')).toBe(before);

    const again = await tune(...argv, '--measurements', '4', '--apply');
    expect(again.report.fromJournal).toBe(4);
    expect(again.report.winner!.settings).toBe(first.report.winner!.settings);
    const after = await config('simple_net');
    if (again.report.change!.diff === '') expect(after).toBe(before);
    else expect(again.report.change).toMatchObject({ applied: true, diff: expect.stringContaining('+++ b/') });
    await writeFile(join(repository, 'simple_net/config.pbtxt'), before);
  });

  test('an ensemble is tuned by its steps; a deployment file gets the result in its own words', async () => {
    const { code, report } = await tune(
      ...['finbert', '--file', join(folder, 'conch.config.ts'), '--repository', repository, '--measurements', '2'],
      ...[
        '--values',
        'instances=1,2',
        '--fix',
        'threads,max_batch_size,preferred_batch_size,max_queue_delay_microseconds',
      ],
      ...['--journal', join(folder, 'ensemble.jsonl')],
    );
    expect(code).toBe(0);
    expect(report.trials.length).toBe(2);
    expect(report.trials[0]!.settings).toBe('finbert-tokenizer instances 1, finbert-model instances 1');
    for (const line of report.change!.diff.split('\n').filter((one) => /^[+-] /.test(one))) {
      expect(line).toContain('finbert: {');
    }
  });

  test('bounds that nothing keeps make the exit code 1', async () => {
    const { code, report } = await tune(
      'simple_net',
      '--repository',
      repository,
      ...few,
      '--measurements',
      '2',
      '--memory',
      '1MB',
      '--journal',
      join(folder, 'none.jsonl'),
    );
    expect(code).toBe(1);
    expect(report.winner).toBeUndefined();
    expect(report.trials.every(({ kept }) => !kept)).toBe(true);
  });

  test('what is printed for people', async () => {
    const { code, out } = await conch(
      'tune',
      'simple_net',
      '--repository',
      repository,
      ...few,
      '--measurements',
      '2',
      '--journal',
      join(folder, 'journal.jsonl'),
      ...short,
    );
    expect(code).toBe(0);
    expect(out).toMatch(/load +inferences\/s +p99 ms +memory \(PSS\) +settings/);
    expect(out).toMatch(/2 measurements of \d+ configurations in \d+ s/);
  });

  test.each([
    [['nothing'], 'MODEL_NOT_FOUND', /has no model 'nothing'; it has finbert,/],
    [['simple_net', '--fix', 'nonsense'], 'USAGE', /expected one of instances, threads/],
    [['simple_net', '--precision', 'int8'], 'USAGE', /no deployment file has 'simple_net'/],
    [['simple_net', '--memory', 'much'], 'USAGE', /expected a size like 2GB/],
    [['simple_net', '--values', 'instances=x'], 'USAGE', /takes whole numbers or none/],
  ])('%j cannot run', async (argv, error, message) => {
    const { code, err, out } = await conch('tune', ...(argv as string[]), '--repository', repository, '--json');
    expect(code).toBe(2);
    expect(`${err}${out}`).toMatch(message);
    if (out) expect(JSON.parse(out).error.code).toBe(error);
  });
});

test('a running server is given configurations by model control, and its own back in the end', async () => {
  const server = await startServer({
    repository,
    httpPort: 0,
    metricsPort: false,
    modelControlMode: 'explicit',
    models: ['simple_net'],
  });
  try {
    const served = async () =>
      (await fetch(`${server.url}/v2/models/simple_net/config`)).json() as Promise<{
        instance_group: { count: number }[];
        max_batch_size: number;
      }>;
    const before = await served();
    const { code, report } = await tune(
      'simple_net',
      '--server',
      server.url,
      ...few,
      '--measurements',
      '4',
      '--journal',
      join(folder, 'remote.jsonl'),
    );
    expect(code).toBe(0);
    expect(new Set(report.trials.map(({ settings }) => settings)).size).toBe(4);
    expect(report.trials.every(({ failed }) => failed === undefined)).toBe(true);
    expect(await served()).toEqual(before);
  } finally {
    await server.close();
  }
});

test('a server that takes no models says how it would', async () => {
  const server = await startServer({ repository, httpPort: 0, metricsPort: false, models: ['simple_net'] });
  try {
    const { code, report } = await tune(
      'simple_net',
      '--server',
      server.url,
      ...few,
      '--measurements',
      '4',
      '--journal',
      join(folder, 'closed.jsonl'),
    );
    expect(code).toBe(0);
    expect(report.trials.filter(({ failed }) => failed?.includes('model control')).length).toBeGreaterThan(0);
  } finally {
    await server.close();
  }
});
