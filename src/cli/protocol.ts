import { ConchError } from '../base/index.ts';
import type { Difference } from '../protocol/index.ts';
import type { Command, CommandGroup, Option } from './command.ts';
import type { Output } from './output.ts';

const against: Option = {
  flags: '--against <source>',
  summary: 'a Triton release: folder of .proto files, unpacked tritonclient, single file or address; may be repeated',
  many: true,
};

const diffCommand: Command = {
  name: 'diff',
  summary: "compare conch's schema of the configuration and of gRPC with a Triton release",
  options: [against],
  example: 'conch protocol diff --against .conch/tritonclient',
  async action({ options, signal }, output) {
    const { diffAgainst } = await import('../protocol/index.ts');
    const diff = await diffAgainst(sourcesOf(options), { signal });
    if (output.json) output.printJson(diff);
    else {
      for (const { schema, messages, enums, methods, differences } of diff.schemas) {
        if (differences === undefined) output.print(`${schema}: not in what was named, so not compared`);
        else if (differences.length > 0) printDifferences(schema, differences, output);
        else output.print(`${schema}: equal (${messages} messages, ${enums} enumerations, ${methods} methods)`);
      }
    }
    return diff.equal ? 0 : 1;
  },
};

const syncCommand: Command = {
  name: 'sync',
  summary: "rewrite conch's schema and its types after a Triton release; in a checkout only",
  options: [against],
  example: 'conch protocol sync --against .conch/tritonclient',
  async action({ options, signal }, output) {
    const { syncAgainst } = await import('../protocol/index.ts');
    const result = await syncAgainst(sourcesOf(options), { signal });
    if (output.json) {
      output.printJson(result);
      return 0;
    }
    for (const { schema, differences } of result.changes) printDifferences(schema, differences, output);
    output.print(result.written.length === 0 ? 'nothing to change' : `rewritten: ${result.written.join(', ')}`);
    if (result.undocumented.length > 0) {
      output.print(
        `these have a sentence made from their names; write a better one: ${result.undocumented.join(', ')}`,
      );
    }
    return 0;
  },
};

export const protocolCommand: CommandGroup = {
  name: 'protocol',
  summary: "conch's schema of Triton's configuration and gRPC, beside a Triton release",
  commands: [diffCommand, syncCommand],
};

function sourcesOf(options: Readonly<Record<string, unknown>>): string[] {
  const sources = (options.against as string[] | undefined) ?? [];
  if (sources.length > 0) return sources;
  throw new ConchError('USAGE', '--against is missing: it names the Triton release to compare with', {
    fix: 'npm run fetch:tritonclient, then --against .conch/tritonclient',
  });
}

function printDifferences(schema: string, differences: readonly Difference[], output: Output): void {
  const { green, red, yellow, bold } = output.colors;
  output.print(bold(`${schema}: ${differences.length} difference${differences.length === 1 ? '' : 's'}`));
  for (const { kind, element, path, ours, release } of differences) {
    if (kind === 'added') output.print(green(`  + ${element} ${path}: ${release}`));
    else if (kind === 'removed') output.print(red(`  - ${element} ${path}: ${ours}`));
    else output.print(yellow(`  ~ ${element} ${path} ${kind}: ${ours} -> ${release}`));
  }
}
