import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConchError, hashFile, toConchError } from '../../base/index.ts';
import type { LoadedDeployment, Precision } from '../../compile/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { RequestOptions, Setting, Space, TuneOptions } from '../../measure/index.ts';
import type { ModelEntry } from '../../repository/index.ts';
import { tokenCounterOf } from '../bench/server.ts';
import { findDeployment, requireRepository } from '../deployment.ts';
import type { Output } from '../output.ts';

export interface SubjectContext {
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly search: {
    readonly cores: number;
    readonly fixed: readonly Setting[];
    readonly values: Partial<Record<Setting, (string | number | undefined)[]>>;
  };
  readonly command: readonly string[];
  readonly signal: AbortSignal;
  readonly output: Output;
}

/** What is tuned: its settings, a server that takes them, and where the result is written. */
export interface Subject {
  readonly model: string;
  readonly models: readonly string[];
  readonly space: Space;
  readonly server: TuneOptions['server'];
  /** What measurements depend on: the content of the models' files. */
  readonly content: unknown;
  readonly notes: readonly string[];
  /** The folder of the models' configurations; undefined of a server elsewhere. */
  readonly repository: string | undefined;
  /** The deployment file that the model is made from. */
  readonly deployment: LoadedDeployment | undefined;
  tokens(): Promise<Pick<RequestOptions, 'countTokens'>>;
  close(): Promise<void>;
}

/** A model of a repository, on the embedded server over a copy. */
export async function embeddedSubject(context: SubjectContext): Promise<Subject> {
  const { model, options, search, command } = context;
  const repository = await requireRepository(options.repository);
  const { openRepository } = await import('../../repository/index.ts');
  const { embeddedServer, makeSpace } = await import('../../measure/index.ts');
  const entries = (await openRepository(repository)).models;
  const models = membersOf(entries, model);
  const configs = models.map((name) => ({
    name,
    config: entries.find((one) => one.name === name)?.parsed?.config ?? {},
  }));
  const deployment = await deploymentOf(model, options);
  const variants = await precisionVariants(context, deployment);
  const precisions = variants.roots.size > 0 ? [variants.present, ...variants.roots.keys()] : [];
  const space = makeSpace({ ...search, models: configs, precisions });
  const present: [string, string] = [precisions.length > 0 ? variants.present : '', repository];
  const repositories = new Map([present, ...variants.roots]);
  return {
    ...{ model, models, space, repository, deployment, notes: variants.notes },
    server: await embeddedServer({ space, repositories, model, models, command }),
    content: await contentOf(entries, models),
    tokens: () => tokenCounterOf(repository, model, options.tokenizer),
    close: () => variants.remove(),
  };
}

/** A model of a running server in explicit model control. */
export async function remoteSubject(context: SubjectContext): Promise<Subject> {
  const { model, options, search, signal } = context;
  const url = options.server as string;
  if (options.precision !== undefined) {
    throw new ConchError('USAGE', '--precision needs the repository: its variants are compiled', {
      fix: 'leave out --server',
    });
  }
  if (url.startsWith('grpc')) {
    throw new ConchError('USAGE', '--server: configurations are loaded over HTTP', { fix: 'give the HTTP address' });
  }
  const headers = Object.fromEntries((options.header as [string, string][] | undefined) ?? []);
  const { connect } = await import('../../client/index.ts');
  const { makeSpace, modelsInside, remoteServer } = await import('../../measure/index.ts');
  const client = connect(url, { headers });
  try {
    const top = await client.modelConfig(model, undefined, signal);
    const models = await modelsInside(client, model, top, signal);
    const configs = await Promise.all(
      models.map(async (name) => ({
        name,
        config: name === model ? top : await client.modelConfig(name, undefined, signal),
      })),
    );
    const space = makeSpace({ ...search, models: configs });
    const server = remoteServer({
      space,
      configs,
      url,
      control: { url, headers },
      pid: options.pid as number | undefined,
    });
    return {
      ...{ model, models, space, server, repository: undefined, deployment: undefined, notes: [] },
      content: { url, configs },
      tokens: async () => ({}),
      close: async () => {},
    };
  } finally {
    await client.close();
  }
}

/** The model, and of an ensemble its steps behind it, each once. Throws MODEL_NOT_FOUND. */
function membersOf(entries: readonly ModelEntry[], model: string): string[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    const entry = entries.find((one) => one.name === name);
    if (!entry) {
      const known = entries.map((one) => one.name).join(', ');
      throw new ConchError('MODEL_NOT_FOUND', `the repository has no model '${name}'; it has ${known}`);
    }
    found.add(name);
    const config: ModelConfig = entry.parsed?.config ?? {};
    for (const { model_name } of config.ensemble_scheduling?.step ?? []) if (model_name) visit(model_name);
  };
  visit(model);
  return [...found];
}

async function deploymentOf(model: string, options: SubjectContext['options']): Promise<LoadedDeployment | undefined> {
  // A repository that was named is its own source unless a deployment file is named too.
  if (options.repository !== undefined && options.file === undefined) return undefined;
  const loaded = await findDeployment(options.file);
  return loaded && Object.hasOwn(loaded.deployment.models, model) ? loaded : undefined;
}

async function contentOf(entries: readonly ModelEntry[], models: readonly string[]): Promise<unknown> {
  const files = entries
    .filter(({ name }) => models.includes(name))
    .flatMap(({ name, versions, configFile }) => [
      ...(configFile === undefined ? [] : [[`${name}/config.pbtxt`, configFile] as const]),
      ...versions.flatMap(({ dir, folder, files: list }) =>
        list.map(({ path }) => [`${name}/${folder}/${path}`, join(dir, path)] as const),
      ),
    ]);
  return Promise.all(files.map(async ([name, path]) => [name, await hashFile(path)]));
}

interface Variants {
  /** The precision that the repository has. */
  readonly present: string;
  readonly roots: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
  remove(): Promise<void>;
}

/** Compiles the precisions that are asked for; one that misses its gate is left out, with the reason. */
async function precisionVariants(context: SubjectContext, deployment: LoadedDeployment | undefined): Promise<Variants> {
  const { model, options, signal, output } = context;
  const wanted = (options.precision as readonly string[] | undefined) ?? [];
  const none = { present: '', roots: new Map<string, string>(), notes: [], remove: async () => {} };
  if (wanted.length === 0) return none;
  if (!deployment) {
    throw new ConchError('USAGE', `--precision: no deployment file has '${model}', so it cannot be compiled again`, {
      fix: 'name the deployment file with --file',
    });
  }
  const { compileDeployment, precisions } = await import('../../compile/index.ts');
  const unknown = wanted.find((one) => !precisions.includes(one as Precision));
  if (unknown !== undefined) {
    throw new ConchError('USAGE', `--precision: expected some of ${precisions.join(', ')}, got '${unknown}'`);
  }
  const source = deployment.deployment.models[model]! as { precision?: Precision };
  const present = source.precision ?? 'fp32';
  const work = await mkdtemp(join(tmpdir(), 'conch-precisions-'));
  const roots = new Map<string, string>();
  const notes: string[] = [];
  try {
    for (const precision of wanted.filter((one) => one !== present)) {
      const changed = { ...source, precision } as never;
      const loaded = { ...deployment, deployment: { ...deployment.deployment, models: { [model]: changed } } };
      const repository = join(work, precision);
      try {
        await compileDeployment(loaded, { repository, progress: output.progress, signal });
        roots.set(precision, repository);
      } catch (thrown) {
        const error = toConchError(thrown);
        if (error.code !== 'ACCURACY_MISSED') throw error;
        notes.push(`precision ${precision} is left out: ${error.message.split('\n')[0]}`);
      }
    }
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
  return { present, roots, notes, remove: () => rm(work, { recursive: true, force: true }) };
}
