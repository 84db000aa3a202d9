import { ConchError } from '../../base/index.ts';
import type { CompletionHost, PythonRun } from '../../repository/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { positiveNumber } from '../values.ts';

/** The GPUs that a server would see. */
export const gpusOption: Option = {
  flags: '--gpus <ids>',
  summary: 'ids of the GPUs that the server can use, e.g. 0,1 (default: none)',
  parse: gpuIds,
};

/** Triton's own flags that change what it fills in. */
export const serverOptions: readonly Option[] = [
  {
    flags: '--backend-config <setting>',
    summary: 'as Triton takes it: [backend,]name=value, e.g. onnxruntime,default-max-batch-size=8; may be repeated',
    many: true,
    parse: backendSetting,
  },
  { flags: '--disable-auto-complete-config', summary: 'as Triton takes it: backends fill in nothing' },
];

/** Consent to run a Python model, and how. */
export const pythonOptions: readonly Option[] = [
  { flags: '--run-python', summary: "run a Python model's auto_complete_config (its code, with your rights)" },
  { flags: '--python <command>', summary: 'interpreter for --run-python (default: python3)' },
  { flags: '--timeout <seconds>', summary: 'limit for --run-python (default: 60)', parse: positiveNumber },
];

/** What one `--backend-config` says; `backend` is empty where it is for all. */
export interface BackendSetting {
  readonly backend: string;
  readonly name: string;
  readonly value: string;
}

/** The host and server that the flags describe. */
export function hostOf(options: CommandInput['options']): Omit<CompletionHost, 'python'> {
  const settings = ((options.backendConfig as BackendSetting[] | undefined) ?? []).filter(
    ({ name }) => name === 'default-max-batch-size',
  );
  // A setting for the backend wins over one for all; of several the last counts.
  const setting =
    settings.findLast((one) => one.backend === 'onnxruntime') ?? settings.findLast((one) => one.backend === '');
  return {
    ...(options.gpus !== undefined && { gpus: options.gpus as number[] }),
    ...(options.disableAutoCompleteConfig === true && { autoComplete: false }),
    ...(setting !== undefined && { defaultMaxBatchSize: Number(setting.value) }),
  };
}

/** How to run a Python model, where that is allowed. Throws USAGE for its flags without `--run-python`. */
export function pythonOf({ options, signal }: Pick<CommandInput, 'options' | 'signal'>): PythonRun | undefined {
  const { runPython, python, timeout } = options;
  if (runPython !== true) {
    const stray = python !== undefined ? '--python' : timeout !== undefined ? '--timeout' : undefined;
    if (stray !== undefined) throw new ConchError('USAGE', `${stray} goes with --run-python, which was not given`);
    return undefined;
  }
  return {
    signal,
    ...(python !== undefined && { command: python as string }),
    ...(timeout !== undefined && { timeoutMs: (timeout as number) * 1000 }),
  };
}

function gpuIds(text: string, flag: string): number[] {
  if (text === 'none') return [];
  if (!/^\d{1,4}(,\d{1,4})*$/.test(text))
    throw new ConchError('USAGE', `${flag}: expected ids like 0,1 or none, got '${text}'`);
  return [...new Set(text.split(',').map(Number))];
}

function backendSetting(text: string, flag: string): BackendSetting {
  const [, backend = '', name, value] = /^(?:([^,=]*),)?([^,=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    const example = 'onnxruntime,default-max-batch-size=8';
    throw new ConchError('USAGE', `${flag}: expected [backend,]name=value like ${example}, got '${text}'`);
  }
  if (name === 'default-max-batch-size' && !(/^\d+$/.test(value) && Number(value) < 2 ** 31))
    throw new ConchError('USAGE', `${flag}: default-max-batch-size is a whole number, got '${value}'`);
  return { backend, name, value };
}
