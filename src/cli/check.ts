import type { Command } from './command.ts';
import { requireRepository } from './deployment.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'say what Triton would refuse, change or trip over, with file and line',
  arguments: [{ usage: '[dir]', summary: "the model repository (default: the deployment's, else models)" }],
  options: [
    { flags: '--target <release>', summary: 'Triton release to check for, e.g. triton:26.07' },
    {
      flags: '--format <format>',
      summary: 'text, json, sarif or github',
      choices: ['text', 'json', 'sarif', 'github'],
    },
  ],
  example: 'conch check models --target triton:26.07',
  async action({ arguments: [dir], options }, output) {
    const root = await requireRepository(dir);
    const checks = await import('../check/index.ts');
    const { openRepository } = await import('../repository/index.ts');
    const { findTarget, defaultTarget } = await import('../onnx/index.ts');
    const target = options.target === undefined ? defaultTarget : findTarget(options.target as string);
    const repository = await openRepository(root, { inspect: true });
    const diagnostics = checks.check(repository, target);
    const format = output.json ? 'json' : ((options.format as string | undefined) ?? 'text');
    if (format === 'json') output.print(checks.formatJson(diagnostics, repository, target));
    else if (format === 'sarif') output.print(checks.formatSarif(diagnostics, repository));
    else if (format === 'github') output.print(checks.formatGithub(diagnostics));
    else output.print(checks.formatText(diagnostics, repository, output.colors));
    return diagnostics.some((diagnostic) => diagnostic.severity === 'error') ? 1 : 0;
  },
};
