import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { ConchError, type Diagnostic, toConchError } from '../base/index.ts';
import { type ModelConfig, parseConfig, printConfig } from '../config/index.ts';
import { readOnnx } from '../onnx/index.ts';
import { readDataFiles } from './data-files.ts';
import type { ModelEntry, ModelRepository, ModelVersion, OpenOptions } from './entry.ts';
import { type Bounds, type FolderItem, isWithin, listFiles, listFolder, readWhole, reason, report } from './folder.ts';
import { parseLabels } from './labels.ts';
import { manifestFile, parseManifest } from './manifest.ts';
import { temporaryPrefix } from './staging.ts';
import { torchScriptFault } from './torchscript/archive.ts';
import { parseVersionFolder } from './versions.ts';

/**
 * Reads a model repository: nothing is executed, written, or followed out of the root. Faults of single models are
 * findings; only a root that is no readable folder throws (FILE_NOT_FOUND, REPOSITORY_INVALID).
 */
export async function openRepository(root: string, options: OpenOptions = {}): Promise<ModelRepository> {
  const real = await realFolder(root, 'model repository');
  await refuseUnlisted(real, root);
  const diagnostics: Diagnostic[] = [];
  const bounds: Bounds = { root: real, report: (finding) => diagnostics.push(finding) };
  const models: ModelEntry[] = [];
  const files: string[] = [];
  for (const item of await listFolder(real, bounds)) {
    if (item.kind === 'file' || item.kind === 'other') {
      if (item.kind === 'file') files.push(item.name);
      report(bounds, 'info', 'repository/not-a-model', item.path, 'is not a folder and no model; Triton ignores it');
    } else if (item.kind === 'folder') {
      if (item.name.startsWith(temporaryPrefix)) reportLeftover(item, bounds);
      else if (item.name.startsWith('.')) reportHidden(item, bounds);
      const model = await readEntry(item.path, item.name, real, options);
      models.push(model);
      diagnostics.push(...model.diagnostics);
    }
  }
  return { root: real, files, models, diagnostics };
}

/**
 * Names of the models of a repository, ascending: every folder at its root, but for what a compile is working on. Throws
 * as `openRepository` does.
 */
export async function listModels(root: string): Promise<string[]> {
  const real = await realFolder(root, 'model repository');
  const items = await listFolder(real, { root: real, report: () => {} });
  return items
    .filter(({ name, kind }) => kind === 'folder' && !name.startsWith(temporaryPrefix))
    .map(({ name }) => name);
}

/** Reads one model's folder; its parent is taken for the repository. Throws as `openRepository` does. */
export async function readModel(dir: string, options: OpenOptions = {}): Promise<ModelEntry> {
  const path = resolve(dir);
  const target = await realFolder(path, 'model');
  const root = await realpath(dirname(path));
  if (!isWithin(target, root)) {
    throw new ConchError('REPOSITORY_INVALID', `model ${dir} links to ${target}, outside the repository`, {
      where: { file: path },
      fix: 'copy the target into the repository',
    });
  }
  return readEntry(join(root, basename(path)), basename(path), root, options);
}

async function realFolder(path: string, what: string): Promise<string> {
  try {
    const real = await realpath(resolve(path));
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw new ConchError('FILE_NOT_FOUND', `${what} ${path} cannot be opened: ${reason(error)}`, {
      where: { file: path },
      cause: error,
    });
  }
  const above = basename(path) === 'config.pbtxt' ? `: ${dirname(dirname(path))}` : '';
  throw new ConchError('REPOSITORY_INVALID', `${what} ${path} is a file, expected a folder`, {
    where: { file: path },
    fix: what === 'model' ? 'name the folder of the model' : `name the folder that holds <model>/config.pbtxt${above}`,
  });
}

/** Throws FILE_NOT_FOUND for a root whose models cannot even be listed. */
async function refuseUnlisted(real: string, root: string): Promise<void> {
  await readdir(real).catch((error: unknown) => {
    throw new ConchError('FILE_NOT_FOUND', `model repository ${root} cannot be listed: ${reason(error)}`, {
      where: { file: root },
      fix: 'let the user that runs conch read the folder',
      cause: error,
    });
  });
}

function reportLeftover(item: FolderItem, bounds: Bounds): void {
  const what = 'was left behind by an interrupted compile; Triton takes it for a model and refuses it';
  report(bounds, 'error', 'repository/leftover', item.path, what);
}

function reportHidden(item: FolderItem, bounds: Bounds): void {
  const what = 'is a hidden folder; Triton takes every folder for a model, hidden or not';
  report(bounds, 'error', 'repository/hidden-folder', item.path, what);
}

async function readEntry(dir: string, name: string, root: string, options: OpenOptions): Promise<ModelEntry> {
  const diagnostics: Diagnostic[] = [];
  const bounds: Bounds = {
    root,
    model: { name, dir: await realpath(dir) },
    report: (finding) => diagnostics.push(finding),
  };
  const model: ModelEntry = {
    name,
    dir,
    versions: [],
    ignoredFolders: [],
    files: [],
    labels: {},
    dataFiles: {},
    diagnostics,
  };
  const items = await listFolder(dir, bounds);
  model.files = items.filter((item) => item.kind === 'file').map((item) => item.name);
  await readConfig(model, items, bounds, options);
  await readManifest(model, items, bounds);
  await readLabelFiles(model, bounds);
  for (const item of items) {
    if (item.kind === 'folder') await addVersion(model, item, bounds, options);
    if (item.kind === 'outside' && 'version' in parseVersionFolder(item.name)) {
      model.ignoredFolders.push({ name: item.name, kind: 'outside', reason: `'${item.name}' leaves the repository` });
    }
  }
  model.versions.sort((a, b) => a.version - b.version);
  if (options.inspect) model.dataFiles = await readDataFiles(model, bounds);
  return model;
}

async function readConfig(
  model: ModelEntry,
  items: readonly FolderItem[],
  bounds: Bounds,
  { config, configName }: OpenOptions,
): Promise<void> {
  if (config !== undefined) {
    model.parsed = parseConfig(printConfig(config));
    return;
  }
  const named = configName === undefined ? undefined : await namedConfig(items, configName, bounds);
  const item = named ?? items.find((found) => found.name === 'config.pbtxt');
  if (item === undefined || item.kind === 'outside') return;
  const bytes = await readWhole(item, bounds);
  if (bytes === undefined) return;
  model.configFile = item.path;
  model.parsed = parseConfig(bytes, item.path);
}

async function namedConfig(
  items: readonly FolderItem[],
  name: string,
  bounds: Bounds,
): Promise<FolderItem | undefined> {
  const folder = items.find((found) => found.name === 'configs' && found.kind === 'folder');
  if (folder === undefined) return undefined;
  return (await listFolder(folder.path, bounds)).find((found) => found.name === `${name}.pbtxt`);
}

async function readManifest(model: ModelEntry, items: readonly FolderItem[], bounds: Bounds): Promise<void> {
  const item = items.find((found) => found.name === manifestFile);
  if (item === undefined || item.kind === 'outside') return;
  // Triton never looks at it: whatever it is refuses no model.
  const milder: Bounds = {
    ...bounds,
    report: (one) => bounds.report({ ...one, code: 'repository/manifest', severity: 'warning' }),
  };
  const bytes = await readWhole(item, milder);
  if (bytes === undefined) return;
  try {
    model.manifest = parseManifest(bytes.toString(), item.path);
  } catch (thrown) {
    const error = toConchError(thrown);
    report(bounds, 'warning', 'repository/manifest', item.path, `is ignored: ${error.message}`, error.fix);
  }
}

async function readLabelFiles(model: ModelEntry, bounds: Bounds): Promise<void> {
  const named = (model.parsed?.config.output ?? []).map((output) => output.label_filename);
  for (const file of new Set(named)) {
    if (file === undefined || file === '') continue;
    const path = join(model.dir, file);
    if (!isWithin(path, model.dir)) {
      report(
        bounds,
        'error',
        'repository/labels',
        path,
        "is a label file outside the model's folder; Triton refuses it",
      );
      continue;
    }
    const text = await readLabelFile(path, bounds);
    if (text === undefined) continue;
    if (text.includes('\r')) {
      const what = 'has Windows line ends; Triton keeps the carriage returns in its labels';
      report(bounds, 'warning', 'repository/labels', path, what, 'save the file with line feeds only');
    }
    model.labels[file] = parseLabels(text);
  }
}

async function readLabelFile(path: string, bounds: Bounds): Promise<string | undefined> {
  try {
    const target = await realpath(path);
    if (isWithin(target, bounds.root)) {
      const status = await stat(target);
      const kind = status.isFile() ? 'file' : status.isDirectory() ? 'folder' : 'other';
      const own: Bounds = { ...bounds, report: (one) => bounds.report({ ...one, code: 'repository/labels' }) };
      return (await readWhole({ name: basename(path), path, kind, size: status.size }, own))?.toString();
    }
    report(bounds, 'error', 'repository/labels', path, 'is a label file that links out of the repository');
  } catch (error) {
    const what = `is named as a label file but cannot be read (${reason(error)}); Triton refuses the model`;
    report(bounds, 'error', 'repository/labels', path, what);
  }
  return undefined;
}

async function addVersion(model: ModelEntry, item: FolderItem, bounds: Bounds, options: OpenOptions): Promise<void> {
  const parsed = parseVersionFolder(item.name);
  if (!('version' in parsed)) {
    model.ignoredFolders.push({ name: item.name, ...parsed });
    return;
  }
  const files = await listFiles(item.path, bounds);
  const version: ModelVersion = { version: parsed.version, folder: item.name, dir: item.path, files };
  model.versions.push(version);
  if (!options.inspect) return;
  const torchScript = torchScriptFile(model.parsed?.config, files);
  const fault = torchScript && (await torchScriptFault(join(item.path, ...torchScript.split('/'))));
  if (fault) version.torchScriptError = fault;
  const onnx = onnxFile(model.parsed?.config, files);
  if (onnx === undefined) return;
  try {
    version.onnx = await readOnnx(join(item.path, ...onnx.split('/')));
  } catch (thrown) {
    version.onnxError = toConchError(thrown, 'ONNX_INVALID');
  }
}

/** The file that the ONNX Runtime backend opens in a version folder, if it is there. */
function onnxFile(config: ModelConfig | undefined, files: ModelVersion['files']): string | undefined {
  const backend = config?.backend || (config?.platform === 'onnxruntime_onnx' ? 'onnxruntime' : undefined);
  if (backend !== undefined && backend !== 'onnxruntime') return undefined;
  const name = (config?.default_model_filename || 'model.onnx').split(sep).join('/');
  // A folder may be named too; the backend then opens model.onnx inside it.
  return [name, `${name}/model.onnx`].find(
    (candidate) => candidate.endsWith('.onnx') && files.some((file) => file.path === candidate),
  );
}

/** The file that the PyTorch backend loads as TorchScript, if it is there; beside a model.py it holds plain weights. */
function torchScriptFile(config: ModelConfig | undefined, files: ModelVersion['files']): string | undefined {
  const { backend, platform, runtime } = config ?? {};
  if (backend ? backend !== 'pytorch' : platform && platform !== 'pytorch_libtorch') return undefined;
  if (platform === 'torch_aoti' || runtime) return undefined;
  const name = config?.default_model_filename || 'model.pt';
  const isThere = (path: string) => files.some((file) => file.path === path);
  return isThere(name) && name.endsWith('.pt') && !isThere('model.py') ? name : undefined;
}
