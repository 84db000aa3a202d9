import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ConchError, hashFile, packageVersion } from '../base/index.ts';
import { type OnnxModel, type OnnxTensorType, openModel, readOnnx, type Target, writeOnnx } from '../onnx/index.ts';
import { datatypeFromOnnx } from '../tensor/index.ts';
import { type CompileContext, type MadeModel, makeArtifact } from './artifact.ts';
import type { CompiledTensor } from './compiled.ts';
import type { OnnxDeployment } from './deployment.ts';
import { calibrateOn } from './gate/calibration.ts';
import { passGate } from './gate/gate.ts';
import { limitsFor } from './gate/limits.ts';
import type { GateTensor } from './gate/sample.ts';
import { tensorInputs, tensorReferences } from './gate/tensor-inputs.ts';
import { cleanUp } from './lowering/clean-up.ts';
import { lower, type Precision } from './lowering/lower.ts';
import { changeOpset } from './lowering/opset.ts';
import { defaultMaxBatchSize, definedSettings, onnxConfig } from './settings.ts';
import { beginPlans, makePlans, type PlanModel } from './tensorrt/make-plans.ts';
import { checkOnnxPlan, onnxPlanOrder } from './tensorrt/onnx-plan.ts';
import { type DryRun, dryRunOf } from './tensorrt/plan-order.ts';

const recipe = 1;
/** What the operators of a precision need: DynamicQuantizeLinear, and DequantizeLinear with a scale a channel. */
const leastOpset: Partial<Record<Precision, number>> = { int8: 11, 'int8-static': 13, 'int8-weight-only': 13 };

/** `models.<name>: { onnx }`: an ONNX file of any origin, cleaned up, lowered, and compared with itself as it came. */
export async function makeOnnxModel(
  context: CompileContext,
  name: string,
  deployment: OnnxDeployment,
): Promise<MadeModel[]> {
  const source = resolve(context.baseDir, deployment.onnx);
  if (!(await stat(source).catch(() => undefined))?.isFile()) {
    throw new ConchError('FILE_NOT_FOUND', `models.${name}.onnx: no file at ${deployment.onnx}`, {
      where: { file: source },
      fix: 'name an ONNX file, relative to the deployment file',
    });
  }
  const { precision = 'fp32', reduce_range: reduceRange = false, opset } = deployment;
  const samples = deployment.sample === undefined ? [] : [deployment.sample].flat();
  const { tolerance = 1e-4 } = deployment;
  const expect = deployment.expect === undefined ? undefined : resolve(context.baseDir, deployment.expect);
  const limits = limitsFor(precision, deployment.gate);
  const settings = definedSettings(deployment);
  const { tensorrt } = deployment;
  const wanted = tensorrt && checkOnnxPlan(planOf(context, name, deployment, 1), precision);
  const made = await makeArtifact(context, {
    name,
    version: deployment.version ?? 1,
    recipe,
    inputs: { ...(await hashesOf(source)), ...(expect !== undefined && { expect: await hashFile(expect) }) },
    settings: {
      ...{ settings, precision, reduceRange, limits, samples, tolerance },
      ...{ opset: opset ?? null, max_batch_size: deployment.max_batch_size ?? null },
      ...(tensorrt && { tensorrt }),
    },
    source: { kind: 'onnx', onnx: deployment.onnx },
    async build(outDir, task) {
      const model = await openModel(source);
      const references = expect === undefined ? undefined : await tensorReferences(model, expect);
      const gateInputs = references ?? tensorInputs(model, samples);
      const cleaned = await cleanUp(model);
      chooseOpset(model, context.target, precision, opset);
      const calibrate = calibrateOn(source, gateInputs.batches, context.signal);
      await lower(model, { precision, reduceRange, calibrate }, context.target);
      const dir = tensorrt ? await beginPlans(planOf(context, name, deployment, 1)) : outDir;
      // Whether a row is one of labels only the user knows.
      const classifies = deployment.gate?.label_agreement !== undefined;
      const path = join(dir, 'model.onnx');
      await writeOnnx(path, model, {
        producer: { name: 'conch', version: packageVersion() },
        onProgress: (written, total) => task.update(written / total, `${(written / 1e6).toFixed(1)} MB`),
      });
      const gate = await passGate({
        ...gateInputs,
        ...{ path, reference: source, precision, limits, tolerance, task, signal: context.signal },
        classifies,
        onOutputs: (given) => observeShapes(model, given),
      });
      const { inputs, outputs, max_batch_size, scalars } = interfaceOf(model, deployment.max_batch_size);
      const config = onnxConfig({ name, max_batch_size, inputs, outputs, settings });
      for (const tensor of [...config.input!, ...config.output!]) {
        if (scalars.has(tensor.name!)) tensor.reshape = { shape: [] };
      }
      const facts = { opset: model.opsets.get(''), irVersion: model.irVersion, precision, cleaned };
      if (!tensorrt) return { config, tensors: { inputs, outputs }, gate, facts };
      const plan = planOf(context, name, deployment, max_batch_size);
      const scalar = inputs.find((input) => scalars.has(input.name))?.name;
      const order = () => onnxPlanOrder(plan, { inputs, samples: gateInputs.batches, scalar });
      const made = await makePlans(plan, order, { wanted, gate, precision, limits, classifies, outDir, task });
      const given = settings.instance_group && { instance_group: settings.instance_group };
      return {
        config: { ...config, ...made.config, ...given },
        tensors: { inputs, outputs },
        gate: made.gate,
        facts: { ...facts, tensorrt: made.facts },
      };
    },
  });
  return [made];
}

function planOf(
  context: PlanModel['context'],
  name: string,
  deployment: OnnxDeployment,
  max_batch_size: number,
): PlanModel {
  const preferred = deployment.dynamic_batching?.preferred_batch_size ?? [];
  return { context, name, deployed: name, settings: deployment.tensorrt!, max_batch_size, preferred };
}

/** The commands that `makeOnnxModel` would have others run; undefined where there are none. */
export async function dryRunOnnxModel(
  context: PlanModel['context'],
  name: string,
  deployment: OnnxDeployment,
): Promise<DryRun | undefined> {
  if (!deployment.tensorrt) return undefined;
  const wanted = checkOnnxPlan(planOf(context, name, deployment, 1), deployment.precision ?? 'fp32');
  const model = await openModel(resolve(context.baseDir, deployment.onnx));
  const { sample = [], expect } = deployment;
  const references = expect === undefined ? undefined : await tensorReferences(model, resolve(context.baseDir, expect));
  const { batches: samples } = references ?? tensorInputs(model, [sample].flat());
  await cleanUp(model);
  // Shapes that the file leaves open are seen in runs, of which there are none here.
  model.outputs.splice(0, model.outputs.length, ...model.outputs.filter(({ shape }) => shape !== undefined));
  const { inputs, max_batch_size, scalars } = interfaceOf(model, deployment.max_batch_size);
  const scalar = inputs.find((input) => scalars.has(input.name))?.name;
  return dryRunOf(
    onnxPlanOrder(planOf(context, name, deployment, max_batch_size), { inputs, samples, scalar }),
    wanted,
  );
}

async function hashesOf(source: string): Promise<Record<string, string>> {
  const { externalFiles } = await readOnnx(source);
  const hashes: Record<string, string> = { onnx: await hashFile(source) };
  for (const file of externalFiles) hashes[file] = await hashFile(join(dirname(source), file));
  return hashes;
}

/** What is asked for; else as it is, as far as the target takes it and the precision has its operators. */
function chooseOpset(model: OnnxModel, target: Target, precision: Precision, asked: number | undefined): void {
  const has = model.opsets.get('')!;
  const needs = leastOpset[precision] ?? 0;
  if (asked !== undefined && asked > target.opset) {
    throw new ConchError('NOT_SUPPORTED', `opset ${asked}: ${target.name} takes opsets up to ${target.opset}`, {
      fix: `ask for ${target.opset}, or a newer target`,
    });
  }
  if (asked !== undefined && asked < needs) {
    throw new ConchError('NOT_SUPPORTED', `opset ${asked}: ${precision} needs ${needs} or more`, {});
  }
  changeOpset(model, asked ?? Math.min(Math.max(has, needs), target.opset));
  // Since IR 4 an initializer need not be an input too, and none is one any more.
  model.irVersion = Math.max(model.irVersion, 4);
  if (model.irVersion > target.irVersion) {
    throw new ConchError(
      'NOT_SUPPORTED',
      `the file has IR version ${model.irVersion}, and ${target.name} takes up to ${target.irVersion}`,
      { fix: 'compile for a newer target, or export with an older version of onnx' },
    );
  }
}

/** Gives outputs without a shape, or with dimensions that nothing is known of, those that they had in all of the runs. */
function observeShapes({ outputs }: OnnxModel, runs: readonly (readonly GateTensor[])[]): void {
  for (const [index, output] of outputs.entries()) {
    if (output.shape?.every((size) => size !== undefined)) continue;
    const seen = runs.flatMap((run) => run.filter(({ name }) => name === output.name).map(({ dims }) => dims));
    const [first = []] = seen;
    if (seen.some(({ length }) => length !== first.length)) continue;
    const shape = first.map((size, axis) => {
      const known = output.shape?.[axis];
      return known ?? (seen.every((dims) => dims[axis] === size) ? size : `dim_${axis}`);
    });
    outputs[index] = { ...output, shape };
  }
}

/**
 * Inputs and outputs as Triton configures them. The first dimension is the batch where it varies in all of them; a tensor of
 * nothing but that is one of dims [1], reshaped to [].
 */
function interfaceOf(model: OnnxModel, asked: number | undefined) {
  const all = [...model.inputs, ...model.outputs];
  const fixed = all.find(({ shape }) => shape === undefined || shape.length === 0 || typeof shape[0] === 'number');
  if (fixed && (asked ?? 0) > 0) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `max_batch_size ${asked}: '${fixed.name}' has the shape [${fixed.shape ?? '?'}], whose first dimension does not vary`,
      { fix: 'set max_batch_size to 0, or export the model with a dynamic first dimension everywhere' },
    );
  }
  const max_batch_size = fixed ? 0 : (asked ?? defaultMaxBatchSize);
  const scalars = new Set<string>();
  const describe = ({ name, elementType, shape }: OnnxTensorType): CompiledTensor => {
    const datatype = datatypeFromOnnx(elementType)?.name;
    if (datatype === undefined || shape === undefined) {
      const what = shape === undefined ? 'no shape' : `ONNX type ${elementType}`;
      throw new ConchError('NOT_SUPPORTED', `'${name}' has ${what}, which config.pbtxt cannot say`, {
        fix: 'have it stated in the file (onnx.shape_inference), or cast it in the graph',
      });
    }
    const dims = shape.slice(max_batch_size > 0 ? 1 : 0).map((size) => (typeof size === 'number' ? size : -1));
    if (dims.length > 0) return { name, datatype, dims };
    scalars.add(name);
    return { name, datatype, dims: [1] };
  };
  return { inputs: model.inputs.map(describe), outputs: model.outputs.map(describe), max_batch_size, scalars };
}
