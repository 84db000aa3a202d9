import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConchError, hashBytes, hashFile } from '../base/index.ts';
import { type ModelConfig, parseConfig } from '../config/index.ts';
import { flushTree, move } from './durable.ts';
import { handEdits } from './edits.ts';
import type { ModelEntry } from './entry.ts';
import { listFiles, reason } from './folder.ts';
import { printLabels } from './labels.ts';
import { type Manifest, manifestFile, parseManifest, printManifest } from './manifest.ts';
import { checkModelName, checkVersion } from './names.ts';
import { readModel } from './open.ts';
import { exists, openWorkshop, type Workshop } from './staging.ts';
import { planSwitch, readJournal, type Switch, stagedVersion, takeSteps, writeJournal } from './switch.ts';

export interface VersionParts {
  /** The text of config.pbtxt. */
  config: string;
  /** Labels by label file, as `label_filename` in the config names it. */
  labels?: Readonly<Record<string, readonly string[]>>;
  manifest: Omit<Manifest, 'artifacts'>;
}

export interface VersionWriter {
  /** A temporary folder that becomes the version folder: write files into it. */
  dir: string;
  modelDir: string;
  /**
   * Flushes what was written to disk and switches the model to it; see switch.ts for how that survives a crash at any
   * moment. COMPILE_FAILED when a step fails; the message says which version is then in place.
   */
  commit(parts: VersionParts): Promise<ModelEntry>;
  /** Throws away what was written. After a failed commit it leaves the rest of the switch to the next writer. */
  abort(): Promise<void>;
}

export interface WriterOptions {
  /** Overwrite a configuration that was edited by hand, or a model that conch did not make; a copy is kept as `.orig`. */
  force?: boolean;
  /** For tests: told of every step before it is taken. */
  before?: (step: string) => void;
}

/**
 * Begins version `version` of model `name`. Nothing that is served changes until `commit`. Finishes what a process left
 * half done that died while switching this model. COMPILE_FAILED, naming --force, when the model's config.pbtxt or
 * labels are not as conch wrote them; REPOSITORY_INVALID for a name or version that cannot be.
 */
export async function beginVersion(
  root: string,
  name: string,
  version: number,
  options: WriterOptions = {},
): Promise<VersionWriter> {
  checkModelName(name);
  checkVersion(version);
  const workshop = await openWorkshop(root, name);
  const modelDir = join(resolve(root), name);
  if (workshop.interrupted) await finishInterrupted(modelDir, workshop);
  try {
    await handEdits(modelDir, options.force ?? false);
    const dir = join(workshop.dir, stagedVersion);
    await mkdir(dir);
    return new ModelWriter(workshop, modelDir, dir, version, options);
  } catch (error) {
    await workshop.remove();
    throw error;
  }
}

async function finishInterrupted(modelDir: string, workshop: Workshop): Promise<void> {
  try {
    const plan = await readJournal(workshop.dir);
    const config = await readFile(join(modelDir, 'config.pbtxt'), 'utf8').catch(() => null);
    // Another text than any of the switch's own means that the user has gone on from there.
    const known = plan && [plan.previous, plan.pinned, plan.changing, plan.admitting, plan.config].includes(config);
    if (known && (await exists(modelDir))) await takeSteps(modelDir, workshop.dir, plan);
    await workshop.clear();
  } catch (error) {
    await workshop.release();
    throw failed(modelDir, 'finish the change that an earlier compile began', error);
  }
}

function failed(modelDir: string, task: string, error: unknown): ConchError {
  if (error instanceof ConchError) return error;
  return new ConchError('COMPILE_FAILED', `${modelDir}: could not ${task}: ${reason(error)}`, {
    where: { file: (error as NodeJS.ErrnoException).path ?? modelDir },
    fix: 'remove the cause and compile again; the model stays loadable, and the next compile finishes the change',
    cause: error,
  });
}

class ModelWriter implements VersionWriter {
  readonly dir: string;
  readonly modelDir: string;
  readonly #workshop: Workshop;
  readonly #version: number;
  readonly #force: boolean;
  readonly #before: (step: string) => void;
  #state: 'open' | 'switching' | 'closed' = 'open';

  constructor(workshop: Workshop, modelDir: string, dir: string, version: number, options: WriterOptions) {
    this.dir = dir;
    this.modelDir = modelDir;
    this.#workshop = workshop;
    this.#version = version;
    this.#force = options.force ?? false;
    this.#before = options.before ?? (() => {});
  }

  async abort(): Promise<void> {
    if (this.#state === 'open') await this.#workshop.remove();
    if (this.#state === 'switching') await this.#workshop.release();
    this.#state = 'closed';
  }

  async commit(parts: VersionParts): Promise<ModelEntry> {
    if (this.#state !== 'open') throw new ConchError('INTERNAL', `${this.modelDir}: the version was closed already`);
    const next = parseConfig(parts.config, join(this.modelDir, 'config.pbtxt'));
    const fault = next.diagnostics.find((finding) => finding.severity === 'error');
    if (fault !== undefined) {
      throw new ConchError('COMPILE_FAILED', `the configuration for ${this.modelDir} is refused: ${fault.message}`, {
        where: fault.where,
      });
    }
    let step = 'flush the version';
    const before = (taken: string) => {
      step = taken;
      this.#before(taken);
    };
    try {
      const labels = this.#labelFiles(parts.labels ?? {});
      const manifest = printManifest(await this.#manifest(parts, labels));
      await flushTree(this.dir);
      if (await exists(this.modelDir)) await this.#change(next.config, parts.config, labels, manifest, before);
      else await this.#create(parts.config, labels, manifest, before);
    } catch (error) {
      throw failed(this.modelDir, step, error);
    }
    this.#state = 'closed';
    await this.#workshop.remove();
    return readModel(this.modelDir);
  }

  #labelFiles(labels: NonNullable<VersionParts['labels']>): Record<string, string> {
    const files: Record<string, string> = {};
    for (const [file, lines] of Object.entries(labels)) {
      if (/[/\\\0]|^\.|^[0-9]+$|^$/.test(file) || file === 'config.pbtxt' || file === manifestFile) {
        throw new ConchError(
          'COMPILE_FAILED',
          `label file ${JSON.stringify(file)}: expected a plain name, e.g. labels.txt`,
        );
      }
      files[file] = printLabels(lines, join(this.modelDir, file));
    }
    return files;
  }

  async #manifest(parts: VersionParts, labels: Readonly<Record<string, string>>): Promise<Manifest> {
    const artifacts: Manifest['artifacts'] = {};
    for (const file of await listFiles(this.dir, { root: this.dir, report: () => {} })) {
      const hash = await hashFile(join(this.dir, file.path));
      artifacts[`${this.#version}/${file.path}`] = { hash, size: file.size };
    }
    for (const [file, text] of Object.entries({ 'config.pbtxt': parts.config, ...labels })) {
      artifacts[file] = { hash: hashBytes(text), size: Buffer.byteLength(text) };
    }
    const manifest = { ...parts.manifest, artifacts } as Manifest;
    parseManifest(printManifest(manifest), join(this.modelDir, manifestFile));
    return manifest;
  }

  /** A model that was not there appears whole, by one rename. */
  async #create(
    config: string,
    labels: Readonly<Record<string, string>>,
    manifest: string,
    before: (step: string) => void,
  ): Promise<void> {
    const staged = join(this.#workshop.dir, 'model');
    await mkdir(staged);
    await rename(this.dir, join(staged, String(this.#version)));
    for (const [file, text] of Object.entries({ 'config.pbtxt': config, [manifestFile]: manifest, ...labels })) {
      await writeFile(join(staged, file), text);
    }
    await flushTree(staged);
    before('bring in the model');
    await move(staged, this.modelDir);
  }

  /** A model that is there changes over in steps. */
  async #change(
    next: ModelConfig,
    config: string,
    labels: Readonly<Record<string, string>>,
    manifest: string,
    before: (step: string) => void,
  ): Promise<void> {
    // Asked again, since a compile may take minutes.
    const edited = await handEdits(this.modelDir, this.#force);
    const model = await readModel(this.modelDir);
    const names = new Set(await readdir(this.modelDir));
    const parsed = model.parsed?.diagnostics.some((finding) => finding.severity === 'error') ? undefined : model.parsed;
    const present = {
      config: parsed?.config,
      versions: model.versions.map((version) => version.version),
      taken: (name: string) => names.has(name),
    };
    const plan: Switch = {
      version: this.#version,
      ...planSwitch(present, this.#version, { config: next, labels: Object.keys(labels) }),
      previous: model.parsed?.text ?? null,
      edited,
      config,
      labels,
      manifest,
    };
    before('write the journal');
    await writeJournal(this.#workshop.dir, plan);
    this.#state = 'switching';
    await takeSteps(this.modelDir, this.#workshop.dir, plan, before);
  }
}

/** Whether the version is there as the manifest says, made from inputs of this hash; hand edits of texts do not count. */
export async function isUpToDate(root: string, name: string, version: number, inputsHash: string): Promise<boolean> {
  const modelDir = join(resolve(root), checkModelName(name));
  if (!(await exists(modelDir))) return false;
  const { manifest, versions } = await readModel(modelDir);
  if (manifest?.version !== version || manifest.name !== name || manifest.inputsHash !== inputsHash) return false;
  const present = versions.find((candidate) => candidate.version === version);
  if (present === undefined) return false;
  for (const [file, { hash, size }] of Object.entries(manifest.artifacts)) {
    const path = join(modelDir, file);
    const inVersion = file.startsWith(`${version}/`) ? file.slice(`${version}/`.length) : undefined;
    if (inVersion === undefined) {
      if (!(await exists(path))) return false;
    } else {
      const found = present.files.find((candidate) => candidate.path === inVersion);
      if (found?.size !== size || (await hashFile(path)) !== hash) return false;
    }
  }
  return true;
}
