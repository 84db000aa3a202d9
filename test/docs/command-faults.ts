import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands } from '../../src/cli/index.ts';
import { root } from './blocks.ts';

type Command = Extract<(typeof commands)[number], { action: unknown }>;

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const everywhere = [{ flags: '--json' }, { flags: '-q, --quiet' }, { flags: '-h, --help' }];

/** The arguments of `conch`, however the line calls it; undefined for another program. */
export function conchArguments(typed: readonly string[]): readonly string[] | undefined {
  const words = typed.slice(typed.findIndex((word) => !/^[A-Z_]+=/.test(word)));
  const line = words.join(' ');
  if (words[0] === 'conch') return words.slice(1);
  if (/^npm run (-s )?conch -- /.test(line)) return words.slice(words.indexOf('--') + 1);
  if (/^npm start( -- |$)/.test(line)) return ['start', ...words.slice(3)];
  return undefined;
}

/** What is wrong with a command line by the tables that `conch` itself is built from, or package.json. Empty: nothing. */
export function commandFaults(words: readonly string[], { whole = true } = {}): string[] {
  const argv = conchArguments(words);
  if (argv) return conchFaults(argv, whole);
  const script = words.join(' ').match(/^npm (?:run (?:-s )?([\w:-]+)|(test|start))/);
  const name = script?.[1] ?? script?.[2];
  return name !== undefined && scripts[name] === undefined ? [`package.json has no script ${name}`] : [];
}

function conchFaults(argv: readonly string[], whole: boolean): string[] {
  const [first = '', second = ''] = argv;
  if (first.startsWith('-') || first === '' || (!whole && first.startsWith('<'))) return [];
  const found = commands.find(({ name }) => name === first);
  if (!found) return [`conch has no command ${first}`];
  if ('commands' in found) {
    const inner = found.commands.find(({ name }) => name === second);
    if (inner) return argumentFaults(inner, argv.slice(2), whole);
    return whole || /^[a-z]+$/.test(second) ? [`conch ${first} has no command '${second}'`] : [];
  }
  const inner = found.subcommands?.find(({ name }) => name === second);
  return inner ? argumentFaults(inner, argv.slice(2), whole) : argumentFaults(found, argv.slice(1), whole);
}

function argumentFaults(command: Command, rest: readonly string[], whole: boolean): string[] {
  const faults: string[] = [];
  const options = [...(command.options ?? []), ...everywhere];
  let positional = 0;
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at]!;
    if (!word.startsWith('-')) {
      positional++;
      continue;
    }
    const [flag, given] = word.split(/=(.*)/s) as [string, string | undefined];
    const option = options.find(({ flags }) => flags.split(/[ ,]+/).includes(flag));
    if (!option) {
      faults.push(`conch ${command.name} has no flag ${flag}`);
      continue;
    }
    const takes = option.flags.includes('<') || (option.flags.includes('[') && !rest[at + 1]?.startsWith('-'));
    const value = given ?? (takes ? rest[++at] : undefined);
    if (whole && option.flags.includes('<') && value === undefined) faults.push(`${flag} needs a value`);
    const choices = 'choices' in option ? (option.choices as readonly string[] | undefined) : undefined;
    if (choices && value !== undefined && !choices.includes(value))
      faults.push(`${flag} takes ${choices}, not ${value}`);
  }
  const usages = (command.arguments ?? []).map(({ usage }) => usage);
  const least = usages.filter((usage) => usage.startsWith('<')).length;
  const most = usages.some((usage) => usage.includes('...')) ? Infinity : usages.length;
  if (positional > most || (whole && positional < least)) {
    faults.push(`conch ${command.name} takes ${usages.join(' ') || 'no argument'}, not ${positional} of them`);
  }
  return faults;
}
