import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { editConfig, type ModelConfig, parseConfig, printConfig } from '../../config/index.ts';
import { type ControlOptions, loadModel } from '../server/model-control.ts';
import { copyModels, readConfigText, writeConfigText } from '../server/repository-copy.ts';
import { type ServerProcess, startServerProcess } from '../server/server-process.ts';
import type { TunableServer } from './evaluate.ts';
import { editsFor, type Point, type Space } from './space.ts';

export interface EmbeddedOptions {
  readonly space: Space;
  /** The repository by precision; the one that is searched for under its present precision, or ''. */
  readonly repositories: ReadonlyMap<string, string>;
  readonly model: string;
  /** The model and its steps. */
  readonly models: readonly string[];
  readonly command: readonly string[];
  readonly flags?: readonly string[];
}

/**
 * The embedded server over a copy of the repository, started anew for each configuration: so that memory is that of the
 * configuration alone, and nothing of the one before is left.
 */
export async function embeddedServer(options: EmbeddedOptions): Promise<TunableServer> {
  const { space, repositories, model, models, command, flags = [] } = options;
  const work = await mkdtemp(join(tmpdir(), 'conch-tune-'));
  const texts = new Map<string, string>();
  let running: ServerProcess | undefined;
  const stop = async () => {
    await running?.close();
    running = undefined;
  };
  for (const [precision, root] of repositories) {
    await copyModels(root, models, join(work, `models-${precision}`));
    for (const name of models) texts.set(`${precision}/${name}`, await readConfigText(root, name));
  }
  const precisionAt = space.dimensions.findIndex(({ setting }) => setting === 'precision');
  return {
    async apply(point, signal) {
      await stop();
      const precision = precisionAt < 0 ? '' : String(space.dimensions[precisionAt]!.values[point[precisionAt]!]);
      const repository = join(work, `models-${precision}`);
      for (const name of models) {
        await writeConfigText(repository, name, configFor(space, point, name, texts.get(`${precision}/${name}`)!));
      }
      const control = ['--model-control-mode=explicit', `--load-model=${model}`];
      running = await startServerProcess({ command, repository, flags: [...control, ...flags], signal });
      return { url: running.url, pid: running.pid };
    },
    async close() {
      await stop();
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** A model's config.pbtxt at a point; comments and order stay. */
export function configFor(space: Space, point: Point, model: string, text: string): string {
  return editConfig(text, editsFor(space, point, model, parseConfig(text).config));
}

export interface RemoteOptions {
  readonly space: Space;
  /** The configurations in force, the model's first. */
  readonly configs: readonly { readonly name: string; readonly config: ModelConfig }[];
  readonly url: string;
  readonly control: ControlOptions;
  readonly pid: number | undefined;
}

/** A running server in explicit model control: each configuration goes with a request to load, and its own comes back in the end. */
export function remoteServer({ space, configs, url, control, pid }: RemoteOptions): TunableServer {
  const inForce = new Map(configs.map(({ name, config }) => [name, printConfig(config)]));
  const original = new Map(inForce);
  return {
    async apply(point, signal) {
      // The steps first: an ensemble is loaded against what its steps are by then.
      for (const { name } of configs.toReversed()) {
        const text = configFor(space, point, name, original.get(name)!);
        if (text === inForce.get(name)) continue;
        await loadModel(name, parseConfig(text).config, { ...control, signal });
        inForce.set(name, text);
      }
      return { url, pid };
    },
    async close() {
      for (const { name } of configs.toReversed()) {
        const text = original.get(name)!;
        // In so many words: Triton does nothing on a plain load while the files are as they were.
        if (inForce.get(name) !== text) await loadModel(name, parseConfig(text).config, control);
      }
    },
  };
}
