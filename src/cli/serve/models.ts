import { ConchError } from '../../base/index.ts';
import type { ServerOptions } from '../../server/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { type BackendSetting, serverOptions } from '../config/host.ts';
import { boolean, positiveInteger, unsignedInteger } from '../values.ts';

/** Flags of `serve` that say which models are served, and how they are loaded; names and forms are Triton's. */
export const modelOptions: readonly Option[] = [
  {
    flags: '--model-repository <dir>',
    summary: 'a folder of models, beside or in place of the argument; may be repeated',
    many: true,
  },
  {
    flags: '--model-control-mode <mode>',
    summary: 'poll: follow what changes in the repository; explicit: clients load and unload models',
    choices: ['none', 'poll', 'explicit'],
    default: 'none',
  },
  {
    flags: '--repository-poll-secs <s>',
    summary: 'seconds between two looks in mode poll (default: 15)',
    parse: unsignedInteger,
  },
  {
    flags: '--load-model <name>',
    summary: 'in mode explicit, load this model at the start, * for all; may be repeated',
    many: true,
  },
  {
    flags: '--exit-on-error <bool>',
    summary: 'end when a model fails to load at the start (default: true)',
    parse: boolean,
  },
  { flags: '--no-exit-on-error', summary: 'the same as --exit-on-error=false' },
  { flags: '--strict-readiness <bool>', summary: 'ready only with all models (default: true)', parse: boolean },
  {
    flags: '--model-config-name <name>',
    summary: 'prefer configs/<name>.pbtxt to config.pbtxt in models that have it',
  },
  ...serverOptions,
  {
    flags: '--strict-model-config <bool>',
    summary: 'true: the same as --disable-auto-complete-config',
    parse: boolean,
  },
  {
    flags: '--model-load-thread-count <n>',
    summary: 'models loaded at the same time (default: 4)',
    parse: positiveInteger,
  },
  {
    flags: '--model-load-retry-count <n>',
    summary: 'attempts after a load that failed (default: 0)',
    parse: unsignedInteger,
  },
];

export function modelsFrom(options: CommandInput['options']): Omit<ServerOptions, 'repository'> {
  const mode = options.modelControlMode as NonNullable<ServerOptions['modelControlMode']>;
  const { modelConfigName } = options;
  if (modelConfigName === '') throw new ConchError('USAGE', '--model-config-name: expected a name, got an empty one');
  const given = <Key extends keyof ServerOptions>(key: Key, value: unknown) =>
    value === undefined ? {} : ({ [key]: value } as Pick<ServerOptions, Key>);
  const models = loadedModels(mode, options.loadModel as readonly string[] | undefined);
  const noAutoComplete = options.disableAutoCompleteConfig === true || options.strictModelConfig === true;
  return {
    modelControlMode: mode,
    exitOnError: options.exitOnError !== false,
    ...given('models', models),
    ...given('repositoryPollSecs', options.repositoryPollSecs),
    ...given('strictReadiness', options.strictReadiness),
    ...given('modelConfigName', modelConfigName),
    ...given('modelLoadThreadCount', options.modelLoadThreadCount),
    ...given('modelLoadRetryCount', options.modelLoadRetryCount),
    ...(noAutoComplete && { autoCompleteConfig: false }),
    backendConfig: byBackend((options.backendConfig ?? []) as readonly BackendSetting[]),
  };
}

/** Models to load at the start; undefined: all. */
function loadedModels(mode: string, names: readonly string[] | undefined): readonly string[] | undefined {
  if (names === undefined) return mode === 'explicit' ? [] : undefined;
  if (mode !== 'explicit') {
    throw new ConchError('USAGE', `--load-model needs --model-control-mode=explicit, the mode is ${mode}`, {
      fix: 'add --model-control-mode=explicit, or leave --load-model out to serve every model',
    });
  }
  if (!names.includes('*')) return names;
  if (names.length > 1) throw new ConchError('USAGE', '--load-model=* stands alone: it loads every model');
  return undefined;
}

function byBackend(settings: readonly BackendSetting[]): NonNullable<ServerOptions['backendConfig']> {
  const all: Record<string, Record<string, string>> = {};
  for (const { backend, name, value } of settings) {
    all[backend] ??= {};
    all[backend][name] = value;
  }
  return all;
}
