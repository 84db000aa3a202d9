import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beginVersion, isUpToDate, labelsOf, openRepository, readModel, selectVersions } from './index.ts';
import type { VersionParts, WriterOptions } from './writer.ts';

let base: string;
let root: string;
let workshops: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'conch schreiber ß-'));
  root = join(base, 'models');
  workshops = join(base, '.models.conch-tmp');
});
afterEach(() => rm(base, { recursive: true, force: true }));

interface Content {
  weights: string;
  batch: number;
  labels: string[];
  policy?: string;
  inputsHash?: string;
}

function parts(version: number, content: Content): VersionParts {
  return {
    config: `backend: "onnxruntime"
max_batch_size: ${content.batch}
${content.policy ?? ''}
input { name: "x" data_type: TYPE_FP32 dims: [10] }
output { name: "logits" data_type: TYPE_FP32 dims: [${content.labels.length}] label_filename: "labels.txt" }
`,
    labels: { 'labels.txt': content.labels },
    manifest: {
      format: 1,
      name: 'm',
      version,
      inputsHash: content.inputsHash ?? 'sha256:1',
      inputs: {},
      tool: { name: 'conch-triton', version: '0', node: 'v24' },
      target: 'triton:26.07',
      created: '2026-01-01T00:00:00Z',
      source: {},
      tensors: {},
    },
  };
}

async function write(version: number, content: Content, options: WriterOptions = {}): Promise<void> {
  const writer = await beginVersion(root, 'm', version, options);
  try {
    writeFileSync(join(writer.dir, 'model.onnx'), content.weights);
    await writer.commit(parts(version, content));
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** What a server would make of the model: versions with their weights, batch size and labels. */
async function served(): Promise<string> {
  const model = await readModel(join(root, 'm'));
  const config = model.parsed!.config;
  expect(model.parsed!.diagnostics).toEqual([]);
  expect(model.diagnostics).toEqual([]);
  const selected = selectVersions(
    config,
    model.versions.map((version) => version.version),
  );
  const weights = selected.map((version) => readFileSync(join(root, 'm', `${version}`, 'model.onnx'), 'utf8'));
  return `${weights.sort()} batch ${config.max_batch_size} labels ${labelsOf(model, 'logits')}`;
}

const before: Content = { weights: 'old', batch: 1, labels: ['a', 'b'] };
const after: Content = { weights: 'new', batch: 8, labels: ['c', 'd', 'e'] };

test('a new model appears whole, and is up to date', async () => {
  await write(3, after);
  expect(readdirSync(join(root, 'm')).sort()).toEqual(['3', 'conch.json', 'config.pbtxt', 'labels.txt']);
  expect(await served()).toBe('new batch 8 labels c,d,e');
  expect(existsSync(workshops)).toBe(false);
  expect((await openRepository(root)).diagnostics).toEqual([]);
  const { manifest } = await readModel(join(root, 'm'));
  expect(Object.keys(manifest!.artifacts)).toEqual(['3/model.onnx', 'config.pbtxt', 'labels.txt']);
  expect(manifest!.artifacts['3/model.onnx']).toEqual({
    hash: 'sha256:11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437',
    size: 3,
  });
});

test('isUpToDate wants the same inputs and whole artifacts', async () => {
  const check = (version = 1, hash = 'sha256:1') => isUpToDate(root, 'm', version, hash);
  expect(await check()).toBe(false);
  await write(1, before);
  expect(await check()).toBe(true);
  expect(await check(2)).toBe(false);
  expect(await check(1, 'sha256:2')).toBe(false);
  writeFileSync(join(root, 'm/config.pbtxt'), '# mine');
  expect(await check()).toBe(true);
  writeFileSync(join(root, 'm/1/model.onnx'), 'odd');
  expect(await check()).toBe(false);
  writeFileSync(join(root, 'm/1/model.onnx'), 'old');
  expect(await check()).toBe(true);
  await rm(join(root, 'm/labels.txt'));
  expect(await check()).toBe(false);
});

const scenarios: [string, Content, number[], number, Content][] = [
  ['the same version again', before, [1], 1, after],
  ['a higher version', before, [1], 2, after],
  ['a lower version among several', before, [2, 5], 3, { ...after, policy: 'version_policy { all {} }' }],
  [
    'all versions are served',
    { ...before, policy: 'version_policy { all {} }' },
    [1, 2],
    1,
    { ...after, policy: 'version_policy { all {} }' },
  ],
  [
    'a fixed version is served',
    { ...before, policy: 'version_policy { specific { versions: [1] } }' },
    [1],
    1,
    { ...after, policy: 'version_policy { specific { versions: [1] } }' },
  ],
];

describe.each(scenarios)('%s', (_what, old, versions, version, next) => {
  async function prepare(): Promise<[string, string, string[]]> {
    const steps: string[] = [];
    for (const one of versions) await write(one, old);
    await cp(root, join(base, 'prepared'), { recursive: true });
    const first = await served();
    await write(version, next, { before: (step) => steps.push(step) });
    return [first, await served(), steps];
  }

  test('after a failure at any step, the model is the old or the new one, and the next writer finishes', async () => {
    const [first, last, steps] = await prepare();
    expect(steps.length).toBeGreaterThan(8);
    expect(last).toContain(next.weights);
    let changed = 0;
    for (let failing = 0; failing < steps.length; failing++) {
      await rm(root, { recursive: true });
      await cp(join(base, 'prepared'), root, { recursive: true });
      let count = 0;
      const fail = () => {
        if (count++ === failing) throw new Error('the power is gone');
      };
      await expect(write(version, next, { before: fail })).rejects.toThrow(
        `m: could not ${steps[failing]}: the power is gone`,
      );
      const then = await served();
      expect([first, last], `before: ${steps[failing]}`).toContain(then);
      if (then === last) changed++;
      // Once the new model is in, there is no way back to the old one.
      else expect(changed, `before: ${steps[failing]}`).toBe(0);
      const writer = await beginVersion(root, 'm', version);
      await writer.abort();
      expect([then, last], `finished after: ${steps[failing]}`).toContain(await served());
      if (failing > 0) {
        expect(await served()).toBe(last);
        const left = ['conch.json', 'config.pbtxt', 'labels.txt'];
        const numbers = [...new Set([...versions, version])].map(String);
        expect(readdirSync(join(root, 'm')).sort()).toEqual([...numbers, ...left].sort());
      }
      expect(existsSync(workshops)).toBe(false);
    }
    expect(changed).toBeGreaterThan(3);
  });
});

test('a process that is killed between steps leaves the old or the new model', async () => {
  const script = join(base, 'crash.ts');
  const module = join(import.meta.dirname, 'writer.ts');
  writeFileSync(
    script,
    `import { writeFileSync } from 'node:fs';
    import { beginVersion } from ${JSON.stringify(module)};
    const [root, parts, kill] = process.argv.slice(2);
    let steps = 0;
    const before = () => { if (steps++ === Number(kill)) process.kill(process.pid, 'SIGKILL'); };
    const writer = await beginVersion(root, 'm', 1, { before });
    writeFileSync(writer.dir + '/model.onnx', 'new');
    await writer.commit(JSON.parse(parts));`,
  );
  await write(1, before);
  await cp(root, join(base, 'prepared'), { recursive: true });
  for (let kill = 0; ; kill += 3) {
    await rm(root, { recursive: true, force: true });
    await cp(join(base, 'prepared'), root, { recursive: true });
    const { status, signal, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', script, root, JSON.stringify(parts(1, after)), `${kill}`],
      { encoding: 'utf8' },
    );
    if (signal === null) {
      expect(status, stderr).toBe(0);
      expect(kill).toBeGreaterThan(8);
      break;
    }
    expect(['old batch 1 labels a,b', 'new batch 8 labels c,d,e']).toContain(await served());
    await (await beginVersion(root, 'm', 1)).abort();
    if (kill > 0) expect(await served()).toBe('new batch 8 labels c,d,e');
    expect(readdirSync(join(root, 'm')).sort()).toEqual(['1', 'conch.json', 'config.pbtxt', 'labels.txt']);
    expect(existsSync(workshops)).toBe(false);
  }
});

test('abort, and a refused commit, leave everything as it was', async () => {
  await write(1, before);
  const writer = await beginVersion(root, 'm', 1);
  writeFileSync(join(writer.dir, 'model.onnx'), 'half');
  await writer.abort();
  await writer.abort();
  expect(await served()).toBe('old batch 1 labels a,b');
  await expect(writer.commit(parts(1, after))).rejects.toThrow(/m: the version was closed already$/);
  await expect(write(1, { ...after, policy: 'max_batchsize: 3' })).rejects.toThrow(
    /^the configuration for .*m is refused: /,
  );
  await expect(write(1, { ...after, labels: ['a', 'b\nc'] })).rejects.toThrow(
    /labels.txt: label 1, "b\\nc", contains a line break; a label file holds one label a line$/,
  );
  for (const file of ['../x', 'a/b', '', 'config.pbtxt', 'conch.json', '.x', '2']) {
    const again = await beginVersion(root, 'm', 1);
    await expect(again.commit({ ...parts(1, after), labels: { [file]: [] } })).rejects.toThrow(
      `label file ${JSON.stringify(file)}: expected a plain name, e.g. labels.txt`,
    );
    await again.abort();
  }
  expect(await served()).toBe('old batch 1 labels a,b');
  expect(existsSync(workshops)).toBe(false);
});

test('what was edited by hand is overwritten only with force, and kept', async () => {
  await write(1, before);
  const config = join(root, 'm/config.pbtxt');
  writeFileSync(config, `# tuned\n${readFileSync(config, 'utf8')}`);
  const refused = beginVersion(root, 'm', 1);
  await expect(refused).rejects.toThrow(/m: edited by hand since the last compile: config.pbtxt$/);
  await expect(refused).rejects.toMatchObject({ code: 'COMPILE_FAILED', fix: expect.stringContaining('--force') });
  writeFileSync(join(root, 'm/labels.txt'), 'x\ny\n');
  await expect(beginVersion(root, 'm', 1)).rejects.toThrow('since the last compile: config.pbtxt, labels.txt');
  await write(1, after, { force: true });
  expect(await served()).toBe('new batch 8 labels c,d,e');
  expect(readFileSync(`${config}.orig`, 'utf8')).toMatch(/^# tuned\n/);
  expect(readFileSync(join(root, 'm/labels.txt.orig'), 'utf8')).toBe('x\ny\n');
  await write(1, before);
});

test('a model that conch did not make is overwritten only with force', async () => {
  mkdirSync(join(root, 'm/1'), { recursive: true });
  writeFileSync(join(root, 'm/1/model.onnx'), 'mine');
  await expect(write(1, after)).rejects.toThrow(/m: conch did not make this model: 1\/ without a conch.json$/);
  writeFileSync(join(root, 'm/config.pbtxt'), '!');
  await expect(write(2, after)).rejects.toThrow(
    /m: conch did not make this model: config.pbtxt, 1\/ without a conch.json$/,
  );
  await write(2, after, { force: true });
  expect(await served()).toBe('new batch 8 labels c,d,e');
  expect(readFileSync(join(root, 'm/config.pbtxt.orig'), 'utf8')).toBe('!');
});

test('one writer at a time: a living owner is respected, a dead one is not', async () => {
  const writer = await beginVersion(root, 'm', 1);
  await expect(beginVersion(root, 'm', 2)).rejects.toThrow(
    new RegExp(`^model m is being written by process ${process.pid} since 20`),
  );
  const other = await beginVersion(root, 'other', 1);
  await other.abort();
  await writer.abort();

  const stale = (name: string, owner: object, file = 'version/model.onnx') => {
    mkdirSync(join(workshops, name, 'version'), { recursive: true });
    writeFileSync(join(workshops, name, 'owner.json'), JSON.stringify(owner));
    writeFileSync(join(workshops, name, file), 'half');
  };
  stale('m', { pid: 2 ** 22 + 1, host: hostname(), since: '' });
  stale('gone', { pid: 2 ** 22 + 1, host: hostname(), since: '' });
  stale('busy', { pid: process.pid, host: hostname(), since: '' });
  stale('foreign', { pid: 1, host: 'elsewhere', since: 'noon' });
  await expect(beginVersion(root, 'foreign', 1)).rejects.toThrow(
    'model foreign is being written by process 1 on elsewhere since noon',
  );
  const fresh = await beginVersion(root, 'm', 1);
  expect(readdirSync(fresh.dir)).toEqual([]);
  await fresh.abort();
  expect(readdirSync(workshops).sort()).toEqual(['busy', 'foreign']);
  const yesterday = Date.now() / 1000 - 25 * 3600;
  utimesSync(join(workshops, 'foreign/owner.json'), yesterday, yesterday);
  await (await beginVersion(root, 'foreign', 1)).abort();
  expect(readdirSync(workshops)).toEqual(['busy']);
});

test('an edit made while compiling is not overwritten', async () => {
  await write(1, before);
  const writer = await beginVersion(root, 'm', 1);
  writeFileSync(join(writer.dir, 'model.onnx'), 'new');
  writeFileSync(join(root, 'm/labels.txt'), 'x\ny\n');
  await expect(writer.commit(parts(1, after))).rejects.toThrow('m: edited by hand since the last compile: labels.txt');
  await writer.abort();
  expect(await served()).toBe('old batch 1 labels x,y');
});

test('an interrupted switch is not finished over what the user did since', async () => {
  await write(1, before);
  const crash = (step: string) => {
    if (step === 'admit the number') throw new Error('crash');
  };
  await expect(write(1, after, { before: crash })).rejects.toThrow('m: could not admit the number: crash');
  const config = join(root, 'm/config.pbtxt');
  writeFileSync(config, readFileSync(config, 'utf8').replace('max_batch_size: 8', 'max_batch_size: 2'));
  await expect(beginVersion(root, 'm', 1)).rejects.toThrow('m: edited by hand since the last compile: config.pbtxt');
  expect(await served()).toBe('new batch 2 labels c,d,e');
});

test('a journal that cannot be read is dropped', async () => {
  await write(1, before);
  mkdirSync(join(workshops, 'm'), { recursive: true });
  writeFileSync(join(workshops, 'm/switch.json'), '{"version": 1, "labels": {"../../x": ""}}');
  await write(1, after);
  expect(await served()).toBe('new batch 8 labels c,d,e');
});

test('where nothing can stand beside the repository, the workshop is inside', async () => {
  mkdirSync(root);
  writeFileSync(workshops, 'a file in the way');
  const writer = await beginVersion(root, 'm', 1);
  expect(writer.dir).toBe(join(root, '.conch-tmp-m', 'version'));
  writeFileSync(join(writer.dir, 'model.onnx'), 'old');
  expect((await openRepository(root)).diagnostics.map(({ code }) => code)).toEqual(['repository/leftover']);
  await writer.commit(parts(1, before));
  expect(readdirSync(root)).toEqual(['m']);
  await write(1, after);
  expect(await served()).toBe('new batch 8 labels c,d,e');
  expect(readdirSync(root)).toEqual(['m']);
});

test('names, versions and places that cannot be written are refused', async () => {
  await expect(beginVersion(root, '../m', 1)).rejects.toThrow(`model name "../m": it contains the path separator '/'`);
  await expect(beginVersion(root, 'm', 0)).rejects.toThrow('model version 0: expected an integer from 1 to 2^53 - 1');
  writeFileSync(join(base, 'file'), '');
  await expect(beginVersion(join(base, 'file'), 'm', 1)).rejects.toThrow(/^repository .*file cannot be written: /);
  mkdirSync(root);
  writeFileSync(join(root, 'm'), '');
  await expect(beginVersion(root, 'm', 1)).rejects.toThrow(/m is a file, expected a folder$/);
});

test('a root that takes no folders is refused at once', async () => {
  // Node's own recursive mkdir never returns from a place like this.
  await expect(beginVersion('/proc/nowhere/models', 'm', 1)).rejects.toThrow(
    'repository /proc/nowhere/models cannot be written: ',
  );
});
