import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConchError, runGroup } from '../../base/index.ts';
import { configFromJson, configToJson, type ModelConfig, type PythonCompletion } from '../../config/index.ts';
import type { ModelEntry } from '../entry.ts';
import { modelFile } from './model-file.ts';

export interface PythonRun {
  /** The interpreter; it needs the packages that model.py imports. */
  readonly command?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * The model.py of a Python model's highest served version, below the model's folder, when it has an
 * `auto_complete_config`. Nothing is executed.
 *
 * @param config as Triton fills it, with backend and file name.
 * @throws FILE_NOT_FOUND when there is no such file.
 */
export async function autoCompleteFile(entry: ModelEntry, config: ModelConfig): Promise<string | undefined> {
  if (config.backend !== 'python') return undefined;
  const file = modelFile(entry, config.default_model_filename || 'model.py');
  return (await readFile(join(entry.dir, file))).includes('auto_complete_config') ? file : undefined;
}

/** Most that a model may answer; a configuration takes a few kilobytes. */
const largestAnswer = 16 * 1024 * 1024;

/**
 * Runs `auto_complete_config` of a model.py in a child process, with a stand-in for the object that Triton passes, and
 * returns the configuration as it came back; undefined when the model has no such function. This executes the model's
 * code with the rights of this process.
 *
 * @param config as Triton would pass it: filled and normalised.
 * @throws MODEL_LOAD_FAILED with file and line when the model raises, answers nothing or takes too long;
 * CONFIG_INVALID when what it returns is no configuration; FILE_NOT_FOUND when there is no such interpreter.
 */
export async function runAutoComplete(
  file: string,
  config: ModelConfig,
  run: PythonRun = {},
): Promise<PythonCompletion | undefined> {
  const command = run.command ?? (process.platform === 'win32' ? 'python' : 'python3');
  const { timeoutMs = 60_000 } = run;
  const { answer, log, ended } = await callPython(command, file, JSON.stringify(configToJson(config)), timeoutMs, run);
  if (ended === 'timeout') throw failed(file, `auto_complete_config did not end within ${timeoutMs / 1000} s`);
  const read = parseAnswer(answer);
  if (read === undefined) {
    const last = log.trim().split('\n').at(-1);
    throw failed(file, `${command} ended (${ended}) without an answer${last ? `: ${last}` : ''}`);
  }
  if (read.error !== undefined) {
    const fix = read.error.startsWith('ModuleNotFoundError')
      ? 'name an interpreter that has it with --python'
      : 'repair the model; Triton would refuse it';
    throw failed(file, read.error, fix, read.line ?? undefined);
  }
  return read.missing ? undefined : returnedConfig(read.config, file);
}

interface Answer {
  readonly config?: unknown;
  readonly missing?: boolean;
  readonly error?: string;
  readonly line?: number | null;
}

function parseAnswer(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}

/** The fields that Triton takes over. It parses the whole first, and silently takes nothing where that fails. */
function returnedConfig(returned: unknown, file: string): PythonCompletion {
  let config: ModelConfig;
  try {
    config = configFromJson(JSON.stringify(withLists(returned)), file);
  } catch (error) {
    if (!(error instanceof ConchError)) throw error;
    throw new ConchError(error.code, `auto_complete_config returns what is no configuration: ${error.message}`, {
      where: { file },
      fix: `${error.fix ?? 'repair the model'} (Triton drops all that the function set, without a word)`,
    });
  }
  const { max_batch_size, input, output, dynamic_batching, sequence_batching, ensemble_scheduling } = config;
  const { model_transaction_policy } = config;
  const fields = { max_batch_size, input, output, dynamic_batching, sequence_batching, ensemble_scheduling };
  const entries = Object.entries({ ...fields, model_transaction_policy });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Triton's JSON reader takes a single number for a list of one; models that write `"dims": 4` rely on it. */
function withLists(returned: unknown): unknown {
  const config = returned as Record<string, unknown>;
  const tensors = (list: unknown) =>
    Array.isArray(list)
      ? list.map((one) => (typeof one?.dims === 'number' ? { ...one, dims: [one.dims] } : one))
      : list;
  return { ...config, input: tensors(config.input), output: tensors(config.output) };
}

async function callPython(
  command: string,
  file: string,
  input: string,
  timeoutMs: number,
  { signal }: PythonRun,
): Promise<{ answer: string; log: string; ended: string }> {
  let answer = '';
  let log = '';
  const { how } = await runGroup({
    command,
    args: [script(), file],
    input,
    timeoutMs,
    signal,
    fix: 'name a Python interpreter with --python',
    follow(child, kill) {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        answer += text;
        if (answer.length > largestAnswer) kill();
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-10_000);
      });
    },
  });
  return { answer, log, ended: how };
}

/** Where auto_complete.py lies: in the package's `python`, above this module in the sources as in the built package. */
function script(): string {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, 'python', 'auto_complete.py');
    if (existsSync(path)) return path;
    if (dirname(dir) === dir)
      throw new ConchError('INTERNAL', `python/auto_complete.py is not in the package of ${import.meta.dirname}`);
  }
}

function failed(file: string, message: string, fix?: string, line?: number): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, {
    where: { file, ...(line === undefined ? {} : { line }) },
    ...(fix === undefined ? {} : { fix }),
  });
}
