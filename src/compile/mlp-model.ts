import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConchError, hashFile } from '../base/index.ts';
import { openModel } from '../onnx/index.ts';
import { type CompileContext, type MadeModel, makeArtifact } from './artifact.ts';
import type { MlpDeployment } from './deployment.ts';
import { passGate } from './gate/gate.ts';
import { limitsFor } from './gate/limits.ts';
import { tensorInputs, tensorReferences } from './gate/tensor-inputs.ts';
import { compileMlp } from './mlp.ts';
import { defaultMaxBatchSize, definedSettings, onnxConfig } from './settings.ts';

const recipe = 2;

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
  const { tolerance = 1e-4 } = deployment;
  const expect = deployment.expect === undefined ? undefined : resolve(context.baseDir, deployment.expect);
  const made = await makeArtifact(context, {
    name,
    version: deployment.version ?? 1,
    recipe,
    inputs: {
      weights: await hashFile(weights),
      ...(expect !== undefined && { expect: await hashFile(expect) }),
    },
    settings: { layers, input, output, max_batch_size, settings, tolerance },
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
      const path = join(outDir, 'model.onnx');
      const model = await openModel(path);
      const gate = await passGate({
        ...((expect !== undefined && (await tensorReferences(model, expect))) || tensorInputs(model, [])),
        ...{ path, reference: undefined, precision: 'fp32', classifies: false, limits: limitsFor('fp32'), tolerance },
        ...{ task: progress, signal: context.signal },
      });
      return {
        gate,
        config: onnxConfig({ name, max_batch_size, inputs, outputs, settings }),
        tensors: { inputs, outputs },
        facts: { opset, irVersion, parameters },
      };
    },
  });
  return [made];
}
