import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { parseConfig } from '../config/index.ts';
import { findTarget, type OnnxSummary, type OnnxTensorInfo } from '../onnx/index.ts';
import {
  type DataFile,
  type Manifest,
  type ModelEntry,
  type ModelRepository,
  type ModelVersion,
  parseVersionFolder,
} from '../repository/index.ts';
import { type Datatype, datatypes } from '../tensor/index.ts';
import { type CheckOptions, check } from './check.ts';
import { rules } from './rules/index.ts';
import type { Host } from './view.ts';

/** What stands at a path: text, a file of so many bytes, an ONNX model with that header, or one that cannot be read. */
export type Content = string | number | OnnxSummary | ConchError;
/** A repository by paths below its root; a path that ends in `/` is an empty folder. */
export type Files = Readonly<Record<string, Content>>;

const root = '/models';

/** The snapshot that `openRepository` would give for these files, without touching a disk. */
export function snapshot(files: Files): ModelRepository {
  const byModel = Map.groupBy(
    Object.entries(files).filter(([path]) => path.includes('/')),
    ([path]) => path.slice(0, path.indexOf('/')),
  );
  const models = [...byModel].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, own]) => entryOf(name, own));
  const top = Object.keys(files).filter((path) => !path.includes('/'));
  return { root, files: top, models, diagnostics: [] };
}

function entryOf(name: string, own: readonly [string, Content][]): ModelEntry {
  const dir = join(root, name);
  const below = own.map(([path, content]) => [path.slice(name.length + 1), content] as const);
  const entry: ModelEntry = {
    name,
    dir,
    versions: [],
    ignoredFolders: [],
    files: [],
    labels: {},
    dataFiles: dataFilesOf(own, name),
    diagnostics: [],
  };
  for (const [path, content] of below) {
    const [folder, ...rest] = path.split('/');
    if (rest.length > 0) addToFolder(entry, folder!, rest.join('/'), content);
    else if (path === 'config.pbtxt') {
      entry.configFile = join(dir, path);
      entry.parsed = parseConfig(String(content), entry.configFile);
    } else if (path === 'conch.json') entry.manifest = JSON.parse(String(content)) as Manifest;
    if (rest.length === 0) entry.files.push(path);
  }
  for (const { label_filename: file } of entry.parsed?.config.output ?? []) {
    const text = below.find(([path]) => path === file)?.[1];
    if (file && typeof text === 'string') entry.labels[file] = text.trimEnd().split('\n');
  }
  entry.versions.sort((a, b) => a.version - b.version);
  return entry;
}

function dataFilesOf(own: readonly [string, Content][], name: string): Record<string, DataFile> {
  return Object.fromEntries(
    own
      .filter(([path]) => !path.endsWith('/'))
      .map(([path, content]) => {
        const file: DataFile = { size: sizeOf(content) };
        if (typeof content === 'string') file.content = Buffer.from(content);
        return [path.slice(name.length + 1), file];
      }),
  );
}

function addToFolder(entry: ModelEntry, folder: string, path: string, content: Content): void {
  const parsed = parseVersionFolder(folder);
  if (!('version' in parsed)) {
    if (!entry.ignoredFolders.some((one) => one.name === folder))
      entry.ignoredFolders.push({ name: folder, ...parsed });
    return;
  }
  let version = entry.versions.find((one) => one.folder === folder);
  if (version === undefined) {
    version = { version: parsed.version, folder, dir: join(entry.dir, folder), files: [] } satisfies ModelVersion;
    entry.versions.push(version);
  }
  if (path === '') return;
  version.files.push({ path, size: sizeOf(content) });
  if (content instanceof ConchError && path.endsWith('.pt')) version.torchScriptError = content;
  else if (content instanceof ConchError) version.onnxError = content;
  else if (typeof content === 'object') version.onnx = content;
}

function sizeOf(content: Content): number {
  if (typeof content === 'number') return content;
  return typeof content === 'string' ? Buffer.byteLength(content) : 1000;
}

/** All findings on these files, as `m/config.pbtxt:3:5 error [group/rule] message`, in order. */
export function findings(
  files: Files,
  host: Host = {},
  options: CheckOptions = {},
  target = findTarget('triton:26.03'),
): string[] {
  const found = check(snapshot(files), target, { host, ...options });
  return found.map(({ code, severity, message, where: { file, line, column } }) => {
    const place = [file && posix.relative(root, file), line, column].filter((part) => part !== undefined).join(':');
    return `${place} ${severity} [${code}] ${message}`;
  });
}

export interface RuleCase {
  /** Files on which the rule fires, and everything it says: place, severity and message, without the code. */
  readonly fires: readonly (readonly [files: Files, says: readonly string[], host?: Host])[];
  /** The release that is checked for, e.g. `24.10`; absent: 26.03. */
  readonly release?: string;
  /** Files on which it stays silent. */
  readonly silent: readonly (readonly [files: Files, host?: Host])[];
}

/** A test of one rule by itself. Other rules that may fire on the same files do not matter here. */
export function testRule(code: string, { fires, silent, release = '26.03' }: RuleCase): void {
  const only = (files: Files, host: Host = {}) =>
    findings(files, host, {}, findTarget(release))
      .filter((line) => line.includes(` [${code}] `))
      .map((line) => line.replace(` [${code}]`, ''));
  test(code, () => {
    expect(rules.map((rule) => rule.code)).toContain(code);
    for (const [files, says, host] of fires) expect(only(files, host)).toEqual(says);
    for (const [files, host] of silent) expect(only(files, host)).toEqual([]);
  });
}

export const modelPy = 'class TritonPythonModel:\n    def execute(self, requests):\n        return []\n';

/** A Python model `m` that loads: three lines, then `lines` from line 4 on. */
export function python(lines = '', more: Files = {}, io = floatsInAndOut): Files {
  return { 'm/config.pbtxt': `backend: "python"\n${io}\n${lines}`, 'm/1/model.py': modelPy, ...more };
}

/** Two lines: input x and output y, FP32 [ 4 ]. */
export const floatsInAndOut = `input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 4 ] } ]`;

/** A member of ensembles under another name. */
export function member(name: string, lines = '', io = floatsInAndOut): Files {
  return { [`${name}/config.pbtxt`]: `backend: "python"\n${io}\n${lines}`, [`${name}/1/model.py`]: modelPy };
}

/** An ONNX model `m`: backend and max_batch_size 8 on two lines, then `lines` from line 3 on. */
export function onnx(lines: string, summary: OnnxSummary, more: Files = {}, batch = 'max_batch_size: 8'): Files {
  return { 'm/config.pbtxt': `backend: "onnxruntime"\n${batch}\n${lines}`, 'm/1/model.onnx': summary, ...more };
}

/** The header of an ONNX file with these tensors, `name: [type, dims...]`. */
export function header(
  inputs: Readonly<Record<string, readonly [Datatype, ...(number | string | undefined)[]]>>,
  outputs: Readonly<Record<string, readonly [Datatype, ...(number | string | undefined)[]]>>,
  more: Partial<OnnxSummary> = {},
): OnnxSummary {
  const tensors = (all: typeof inputs): OnnxTensorInfo[] =>
    Object.entries(all).map(([name, [datatype, ...shape]]) => ({
      name,
      datatype,
      onnxType: datatypes[datatype].onnx,
      shape,
    }));
  return {
    irVersion: 8,
    producer: 'test',
    opsets: [{ domain: '', version: 17 }],
    inputs: tensors(inputs),
    outputs: tensors(outputs),
    overridable: [],
    operators: [{ domain: '', type: 'Add', count: 1 }],
    externalFiles: [],
    externalSizes: {},
    metadata: {},
    ...more,
  };
}

/** An ensemble `e`: platform and its own tensors on three lines, then the steps, one a line, from line 5 on. */
export function ensemble(steps: readonly string[], members: Files, lines = '', io = floatsInAndOut): Files {
  const scheduling = `ensemble_scheduling { step [\n${steps.join(',\n')}\n] }`;
  return { 'e/config.pbtxt': `platform: "ensemble"\n${io}\n${scheduling}\n${lines}`, 'e/1/': '', ...members };
}

/** A step with single mappings: `step('a', 'x', 'x', 'y', 't')` maps input x from x and output y to t. */
export function step(
  model: string,
  input: string,
  from: string,
  output: string,
  to: string,
  version = 'model_version: -1',
): string {
  const maps = `${entry('input_map', input, from)} ${entry('output_map', output, to)}`;
  return `{ model_name: "${model}" ${version} ${maps} }`;
}

export function entry(map: string, key: string, value: string): string {
  return `${map} { key: "${key}" value: "${value}" }`;
}
