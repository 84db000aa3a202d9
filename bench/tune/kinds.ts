import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileDeployment } from '../../src/index.ts';
import { embeddedServer, makeSpace, remoteServer, type Space, startServerProcess } from '../../src/measure/index.ts';
import { openRepository } from '../../src/repository/index.ts';

export interface Kind {
  readonly name: string;
  readonly model: string;
  /** The model, and of an ensemble its steps. */
  readonly models: readonly string[];
}

export const kinds: readonly Kind[] = [
  { name: 'perceptron', model: 'simple_net', models: ['simple_net'] },
  { name: 'encoder', model: 'packed-model', models: ['packed-model'] },
  { name: 'ensemble', model: 'finbert', models: ['finbert', 'finbert-tokenizer', 'finbert-model'] },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const command = [process.execPath, join(root, 'src/main.ts')];

/** Compiles the models of all kinds into a folder; gives the repository. */
export async function build(work: string): Promise<string> {
  const example = (path: string) => join(root, 'examples', path);
  const layers = [
    { name: 'net.0', activation: 'relu' } as const,
    { name: 'net.2', activation: 'relu' } as const,
    { name: 'net.4' },
  ];
  const models = {
    simple_net: { weights: example('simple_net/weights.safetensors'), layers },
    packed: { checkpoint: example('finbert/checkpoint'), layout: 'packed' as const },
    finbert: { checkpoint: example('finbert/checkpoint') },
  };
  return (await compileDeployment({ deployment: { models }, file: undefined, baseDir: work }, {})).repository;
}

async function configsOf(repository: string, { models }: Kind) {
  const entries = (await openRepository(repository)).models;
  return models.map((name) => ({ name, config: entries.find((one) => one.name === name)!.parsed!.config }));
}

/** All that `conch tune` would search of it on two processors, which is what surfaces are measured on. */
export async function spaceOf(repository: string, kind: Kind): Promise<Space> {
  return makeSpace({ models: await configsOf(repository, kind), cores: 2 });
}

/** One process that takes configurations by model control: a start for each would take longer than to measure it. */
export async function serverFor(repository: string, kind: Kind, space: Space) {
  const flags = ['--model-control-mode=explicit', `--load-model=${kind.model}`];
  const served = await startServerProcess({ command, repository, flags });
  const configs = await configsOf(repository, kind);
  const server = remoteServer({ space, configs, url: served.url, control: { url: served.url }, pid: served.pid });
  return {
    server,
    close: async () => {
      await server.close();
      await served.close();
    },
  };
}

/** As `conch tune` runs it over a repository. */
export function freshServers(repository: string, kind: Kind, space: Space) {
  return embeddedServer({ ...kind, space, repositories: new Map([['', repository]]), command });
}
