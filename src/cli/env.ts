import type { EnvironmentReport } from '../compile/index.ts';
import type { Command } from './command.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';

export const envCommand: Command = {
  name: 'env',
  summary:
    'make the Python environment with PyTorch for modules and TorchScript (5.7 GB on Linux; nothing else needs it)',
  options: [
    { flags: '--check', summary: 'only say what is there and what is missing; exit code 1 when it is not complete' },
    {
      flags: '--python <path>',
      summary: 'the interpreter to make it from, 3.11 to 3.14 (default: python3; uv finds one)',
    },
    {
      flags: '--torch-index <url>',
      summary: "package index for PyTorch alone, e.g. PyTorch's own with builds for the CPU, which take 1 GB",
    },
    { flags: '--force', summary: 'make it anew' },
  ],
  example: 'conch env --check',
  async action({ options, signal }, output) {
    const { createEnvironment, inspectEnvironment } = await import('../compile/index.ts');
    const report =
      options.check === true
        ? await inspectEnvironment({ signal })
        : await createEnvironment({
            python: options.python as string | undefined,
            torchIndex: options.torchIndex as string | undefined,
            force: options.force === true,
            progress: output.progress,
            signal,
          });
    if (output.json) output.printJson(report);
    else print(report, output);
    return report.complete ? 0 : 1;
  },
};

function print(report: EnvironmentReport, output: Output): void {
  const { bold, dim, green, red } = output.colors;
  const rows = report.packages.map(({ name, wanted, found }) => [
    bold(name),
    wanted,
    found === undefined ? red('missing') : found.split('+')[0] === wanted ? green(found) : red(found),
  ]);
  output.print(table(['package', 'pinned', 'installed'], rows));
  const { dir, complete, python, installer } = report;
  if (complete) output.print(`\ncomplete: Python ${python!.version} in ${dir} ${dim(`(${installer})`)}`);
  else
    output.print(
      `\nnot complete: ${report.missing.join(', ') || 'the installation did not end'}; \`conch env\` makes it in ${dir}`,
    );
}
