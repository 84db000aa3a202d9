import { benchCommand } from './bench.ts';
import { checkCommand } from './check.ts';
import { clientCommand } from './client.ts';
import type { Command, CommandGroup } from './command.ts';
import { compileCommand } from './compile.ts';
import { configCommand } from './config.ts';
import { deployCommand } from './deploy.ts';
import { doctorCommand } from './doctor.ts';
import { envCommand } from './env.ts';
import { initCommand } from './init.ts';
import { protocolCommand } from './protocol.ts';
import { proxyCommand } from './proxy.ts';
import { serveCommand } from './serve.ts';
import { startCommand } from './start.ts';
import { tuneCommand } from './tune.ts';
import { validateCommand } from './validate.ts';

/** Every command, in the order of `conch --help`: the way that a model takes. */
export const commands: readonly (Command | CommandGroup)[] = [
  initCommand,
  startCommand,
  compileCommand,
  configCommand,
  checkCommand,
  serveCommand,
  proxyCommand,
  clientCommand,
  validateCommand,
  benchCommand,
  tuneCommand,
  deployCommand,
  envCommand,
  doctorCommand,
  protocolCommand,
];
