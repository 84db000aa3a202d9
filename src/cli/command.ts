import type { Output } from './output.ts';

/** A command as data: help, documentation and parsing all follow from it; its action imports what it needs lazily. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** A command line that works as it stands, shown at the end of `--help`. */
  readonly example: string;
  /** Commands that belong to this one, e.g. `conch proxy key` to `conch proxy`. */
  readonly subcommands?: readonly Command[];
  /** Resolves to the exit code: 0 done and good, 1 the answer is bad. Throwing a ConchError means 2. */
  action(input: CommandInput, output: Output): Promise<number>;
}

/** Commands that share a first word, e.g. `conch protocol diff` and `conch protocol sync`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

export interface Argument {
  /** `<name>` required, `[name]` optional, `[name...]` any number. */
  readonly usage: string;
  readonly summary: string;
}

export interface Option {
  /** commander's notation, e.g. `--http-port <port>` or `-f, --file <path>`. */
  readonly flags: string;
  readonly summary: string;
  readonly parse?: (text: string, flag: string) => unknown;
  readonly choices?: readonly string[];
  /** May be given several times; the value is a list. */
  readonly many?: boolean;
  /** Shown in help; applied when the flag is absent. */
  readonly default?: unknown;
}

export interface CommandInput {
  /** Positional arguments in order; a variadic one is a list. */
  readonly arguments: readonly unknown[];
  /** By camel-cased flag name. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}
