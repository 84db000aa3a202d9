import type { CommandGroup } from './command.ts';
import { fmtCommand } from './config/fmt.ts';
import { inferCommand } from './config/infer.ts';
import { setCommand } from './config/set.ts';
import { showCommand } from './config/show.ts';

export const configCommand: CommandGroup = {
  name: 'config',
  summary: "one model's config.pbtxt: what it means, what Triton makes of it, changing it, finding it out",
  commands: [showCommand, inferCommand, setCommand, fmtCommand],
};
