import { resolve } from 'node:path';
import { ConchError } from '../base/index.ts';
import type { Command } from './command.ts';
import { relativePath } from './compile.ts';
import { findDeployment } from './deployment.ts';
import { startEmbedded } from './proxy.ts';
import { address, positiveNumber } from './values.ts';

export const validateCommand: Command = {
  name: 'validate',
  summary: 'compare a served model with the reference outputs of its source',
  arguments: [{ usage: '<model>', summary: 'the model, or the ensemble that takes text' }],
  options: [
    { flags: '--server <url>', summary: 'a running server: Triton, or conch serve', parse: address },
    { flags: '--repository <dir>', summary: 'serve this repository for the comparison (the default)' },
    { flags: '--expect <file>', summary: "reference outputs, one JSON object a line (default: the deployment's)" },
    {
      flags: '--tolerance <x>',
      summary: 'largest absolute difference that passes (default: 1e-4)',
      parse: positiveNumber,
    },
  ],
  example: 'conch validate finbert --repository models --expect examples/finbert/expected.jsonl',
  async action({ arguments: [model], options }, output) {
    if (options.server !== undefined && options.repository !== undefined) {
      throw new ConchError('USAGE', '--server and --repository exclude each other');
    }
    const { expect, tolerance } = await reference(model as string, options);
    const { connect } = await import('../client/index.ts');
    const { validate, formatReport } = await import('../measure/index.ts');
    const embedded = options.server === undefined ? await startEmbedded(options.repository) : undefined;
    const client = connect(embedded?.url ?? (options.server as string));
    try {
      const report = await validate({
        client,
        model: model as string,
        expect,
        progress: output.progress,
        ...(tolerance !== undefined && { tolerance }),
      });
      if (output.json) output.printJson(report);
      else output.print(formatReport(report));
      return report.passed ? 0 : 1;
    } finally {
      await client.close();
      await embedded?.close();
    }
  },
};

async function reference(model: string, options: Readonly<Record<string, unknown>>) {
  const loaded = options.expect === undefined ? await findDeployment(undefined) : undefined;
  const deployed = loaded?.deployment.models[model];
  const tolerance = (options.tolerance as number | undefined) ?? deployed?.tolerance;
  if (typeof options.expect === 'string') return { expect: options.expect, tolerance };
  if (deployed?.expect) return { expect: relativePath(resolve(loaded!.baseDir, deployed.expect)), tolerance };
  throw new ConchError('USAGE', `nothing to compare ${model} with`, {
    fix: `give --expect FILE.jsonl with lines like {"text": "...", "logits": [...]}, or set models.${model}.expect in conch.config.ts`,
  });
}
