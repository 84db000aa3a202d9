import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Deployment } from '../../compile/index.ts';
import { parseConfig } from '../../config/index.ts';
import { makeSpace, type TuneReport } from '../../measure/index.ts';
import { applyOrShow } from './apply.ts';
import type { Subject } from './subject.ts';

const folder = mkdtempSync(join(tmpdir(), 'conch-apply-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text =
  'backend: "onnxruntime" # kept\nmax_batch_size: 8\ndynamic_batching { }\ninput { name: "x" data_type: TYPE_FP32 dims: 1 }\n';
const space = makeSpace({ models: [{ name: 'm', config: parseConfig(text).config }], cores: 2, fixed: ['threads'] });
const config = join(folder, 'models/m/config.pbtxt');
const file = join(folder, 'conch.config.ts');
const source = (models: string) => `export default {\n  models: ${models},\n};\n`;

function subject(deployed: boolean, repository: string | undefined = join(folder, 'models')): Subject {
  const deployment: Deployment = { models: { m: { onnx: 'm.onnx' } } };
  return {
    ...{ model: 'm', models: ['m'], space, content: '', notes: [], repository },
    deployment: deployed ? { deployment, file, baseDir: folder } : undefined,
    server: { apply: () => Promise.reject(new Error('not here')), close: async () => {} },
    tokens: async () => ({}),
    close: async () => {},
  };
}
const point = space.dimensions.map(({ setting, values, present }) =>
  setting === 'instances' ? values.indexOf(2) : present,
);
const report = { winner: { point } } as unknown as TuneReport;

beforeEach(() => {
  mkdirSync(join(folder, 'models/m'), { recursive: true });
  writeFileSync(config, text);
  writeFileSync(file, source("{ m: { onnx: 'm.onnx' /* ours */ } }"));
});

describe('the result of a search', () => {
  test('is shown, and written only when asked to', async () => {
    const shown = await applyOrShow(subject(false), report, false);
    expect(shown.diff).toContain('+instance_group');
    expect(shown).toMatchObject({
      applied: false,
      next: [expect.stringMatching(/^--apply writes this into .*config\.pbtxt$/)],
    });
    expect(readFileSync(config, 'utf8')).toBe(text);
    const written = await applyOrShow(subject(false), report, true);
    expect(written.applied).toBe(true);
    expect(readFileSync(config, 'utf8')).toContain('backend: "onnxruntime" # kept');
    expect(parseConfig(readFileSync(config, 'utf8')).config.instance_group).toMatchObject([{ count: 2 }]);
  });

  test('goes into the deployment file where the model stands in one, and what to do next is said', async () => {
    const change = await applyOrShow(subject(true), report, true);
    const after = "{ m: { onnx: 'm.onnx', instance_group: [{ count: 2, kind: 'KIND_AUTO' }] /* ours */ } }";
    expect(readFileSync(file, 'utf8')).toBe(source(after));
    expect(change.next).toEqual([expect.stringMatching(/^written into .*conch\.config\.ts; next: conch compile m$/)]);
    expect(readFileSync(config, 'utf8')).toBe(text);
  });

  test('goes into config.pbtxt where the deployment file is written so that it cannot be changed', async () => {
    writeFileSync(file, source('made()'));
    const change = await applyOrShow(subject(true), report, true);
    expect(change.applied).toBe(true);
    expect(change.next[0]).toContain('is not written so that conch can change it');
    expect(readFileSync(file, 'utf8')).toBe(source('made()'));
  });

  test('of a server elsewhere is shown alone; the present settings change nothing', async () => {
    const elsewhere = await applyOrShow({ ...subject(false), repository: undefined }, report, true);
    expect(elsewhere).toMatchObject({ applied: false, next: [expect.stringContaining('on the server')] });
    const same = { winner: { point: space.present } } as unknown as TuneReport;
    expect(await applyOrShow(subject(false), same, true)).toEqual({ diff: '', applied: false, next: [] });
  });
});
