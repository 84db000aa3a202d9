import { Command as Commander, CommanderError, Option as CommanderOption } from 'commander';
import { type ConchError, packageVersion, printable, toConchError } from '../base/index.ts';
import type { Command, CommandGroup, Option } from './command.ts';
import { commands } from './commands.ts';
import { createOutput, type Writer } from './output.ts';

export interface RunOptions {
  readonly stdout?: Writer;
  readonly stderr?: Writer;
  /** Aborting it does what Ctrl-C does; without it the process's own signals are used. */
  readonly signal?: AbortSignal;
}

/** Runs `conch <argv>`; resolves to the exit code (0 good, 1 bad answer, 2 could not run) and never throws. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<number> {
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  let code = 0;
  const program = new Commander('conch')
    .description('Takes a trained model to a served one on NVIDIA Triton: compile, configure, check, serve, validate.')
    .version(packageVersion())
    .helpCommand(false)
    // Else `conch proxy key --json` would be the `--json` of `conch proxy`.
    .enablePositionalOptions()
    .showHelpAfterError(false)
    .showSuggestionAfterError(true);
  prepare(program, stdout, stderr);
  const add = (parent: Commander, command: Command | CommandGroup): void => {
    const sub = prepare(parent.command(command.name), stdout, stderr).description(command.summary);
    if ('commands' in command) {
      sub.helpCommand(false);
      for (const inner of command.commands) add(sub, inner);
      return;
    }
    for (const argument of command.arguments ?? []) sub.argument(argument.usage, argument.summary);
    for (const option of command.options ?? []) sub.addOption(toCommander(option));
    sub.option('--json', 'print the answer as JSON').option('-q, --quiet', 'no progress and no notes');
    if (command.subcommands) sub.helpCommand(false).enablePositionalOptions();
    for (const inner of command.subcommands ?? []) add(sub, inner);
    sub.addHelpText('after', `\nExample:\n  ${command.example}\n`);
    sub.action(async (...received: unknown[]) => {
      code = await perform(command, received.slice(0, -2), sub.opts(), { ...options, stdout, stderr });
    });
  };
  for (const command of commands) add(program, command);
  try {
    await program.parseAsync(asked(argv), { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    report(thrown, stderr);
    return 2;
  }
}

/** What to parse: help when nothing is asked; of an unknown command only its name, lest its --help shows the general one. */
function asked(argv: readonly string[]): string[] {
  const [first] = argv;
  if (first === undefined) return ['--help'];
  const known = first.startsWith('-') || commands.some(({ name }) => name === first);
  return known ? [...argv] : [first];
}

async function perform(
  command: Command,
  args: readonly unknown[],
  values: Record<string, unknown>,
  streams: Required<Pick<RunOptions, 'stdout' | 'stderr'>> & RunOptions,
): Promise<number> {
  const output = createOutput({ ...streams, json: values.json === true, quiet: values.quiet === true });
  const interrupt = streams.signal ? undefined : new AbortController();
  const onSignal = () => {
    // A second signal means that draining takes too long for the person waiting.
    if (interrupt?.signal.aborted) process.exit(130);
    interrupt?.abort();
  };
  if (interrupt) process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const signal = streams.signal ?? interrupt!.signal;
    return await command.action({ arguments: args, options: values, signal }, output);
  } catch (thrown) {
    if ((streams.signal ?? interrupt!.signal).aborted) {
      output.note('interrupted');
      return 130;
    }
    if (output.json) output.printJson({ error: describe(toConchError(thrown)) });
    report(thrown, streams.stderr);
    // What was compiled runs, but answers badly.
    return toConchError(thrown).code === 'ACCURACY_MISSED' ? 1 : 2;
  } finally {
    if (interrupt) process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function prepare(commander: Commander, stdout: Writer, stderr: Writer): Commander {
  return commander.exitOverride().configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void stderr.write(text),
  });
}

function toCommander(option: Option): CommanderOption {
  const made = new CommanderOption(option.flags, option.summary);
  const flag = option.flags.match(/--[a-z0-9-]+/)![0];
  const parse = option.parse ?? ((text: string) => text);
  if (option.choices) made.choices(option.choices);
  else if (option.many)
    made.argParser((text: string, before: unknown) => [...((before as unknown[]) ?? []), parse(text, flag)]);
  else if (/[<[]/.test(option.flags)) made.argParser((text: string) => parse(text, flag));
  if (option.default !== undefined) made.default(option.default);
  return made;
}

function report(thrown: unknown, stderr: Writer): void {
  const error = toConchError(thrown);
  stderr.write(`error: ${printable(String(error))}\n`);
  if (error.code === 'INTERNAL' && error.cause instanceof Error) stderr.write(`${error.cause.stack}\n`);
}

function describe(error: ConchError): Record<string, unknown> {
  return { code: error.code, message: error.message, where: error.where, fix: error.fix };
}
