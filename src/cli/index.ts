export type { Command, CommandGroup } from './command.ts';
export { commands } from './commands.ts';
export { type RunOptions, run } from './run.ts';
