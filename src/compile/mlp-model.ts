import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConchError, hashFile } from '../base/index.ts';
import { type CompileContext, type MadeModel, makeArtifact } from './artifact.ts';
import type { MlpDeployment } from './deployment.ts';
import { compileMlp } from './mlp.ts';
import { defaultMaxBatchSize, definedSettings, onnxConfig } from './settings.ts';

const recipe = 1;

/** `models.<name>: { weights, layers, input, output }` as one ONNX model. */
export async function makeMlpModel(
  context: CompileContext,
  name: string,
  deployment: MlpDeployment,
): Promise<MadeModel[]> {
  const weights = resolve(context.baseDir, deployment.weights);
  if (!(await stat(weights).catch(() => undefined))?.isFile()) {
    throw new ConchError('FILE_NOT_FOUND', `models.${name}.weights: no file at ${deployment.weights}`, {
      where: { file: weights },
      fix: 'name a .safetensors file, relative to the deployment file',
    });
  }
  const { layers, input = 'x', output = 'prediction' } = deployment;
  const max_batch_size = deployment.max_batch_size ?? defaultMaxBatchSize;
  const settings = definedSettings(deployment);
  const made = await makeArtifact(context, {
    name,
    version: deployment.version ?? 1,
    recipe,
    inputs: { weights: await hashFile(weights) },
    settings: { layers, input, output, max_batch_size, settings },
    source: { kind: 'mlp', weights: deployment.weights },
    async build(outDir, progress) {
      const { inputs, outputs, opset, irVersion, parameters } = await compileMlp({
        weights,
        layers,
        input,
        output,
        outDir,
        target: context.target,
        progress,
      });
      return {
        config: onnxConfig({ name, max_batch_size, inputs, outputs, settings }),
        tensors: { inputs, outputs },
        facts: { opset, irVersion, parameters },
      };
    },
  });
  return [made];
}
