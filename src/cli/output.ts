import pc from 'picocolors';
import { type Progress, printable } from '../base/index.ts';
import { createTerminalProgress } from './progress.ts';

export type Colors = ReturnType<typeof pc.createColors>;

/** Where a command writes: answers to standard output, progress and notes to standard error. */
export interface Output {
  readonly json: boolean;
  readonly colors: Colors;
  readonly progress: Progress;
  /** A line of the answer. */
  print(text?: string): void;
  /** The machine-readable answer; used instead of `print` under `--json`. */
  printJson(value: unknown): void;
  /** A line for the person watching; never part of the answer. */
  note(text: string): void;
}

export function createOutput(options: { json?: boolean; quiet?: boolean; stdout?: Writer; stderr?: Writer }): Output {
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  const json = options.json ?? false;
  return {
    json,
    colors: pc.createColors(stdout.isTTY === true && !process.env.NO_COLOR),
    progress: createTerminalProgress(stderr, options.quiet ?? false),
    print: (text = '') => void stdout.write(`${text}\n`),
    printJson: (value) => void stdout.write(`${JSON.stringify(value, plainBigint, 2)}\n`),
    note: (text) => {
      if (!options.quiet) stderr.write(`${printable(text)}\n`);
    },
  };
}

export interface Writer {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

function plainBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
