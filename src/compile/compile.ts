import { basename, resolve } from 'node:path';
import { ConchError, type Progress, packageVersion, silentProgress } from '../base/index.ts';
import { defaultTarget, findTarget } from '../onnx/index.ts';
import { checkModelName } from '../repository/index.ts';
import type { Layout } from './architectures/index.ts';
import type { CompileContext, MadeModel } from './artifact.ts';
import {
  isCheckpointDeployment,
  isModuleDeployment,
  isOnnxDeployment,
  type ModelDeployment,
  type ModuleDeployment,
} from './deployment.ts';
import { checkDeployment, type LoadedDeployment } from './load-deployment.ts';
import type { Precision } from './lowering/lower.ts';
import { makeMlpModel } from './mlp-model.ts';
import { makeModuleModel } from './module-model.ts';
import { dryRunOnnxModel, makeOnnxModel } from './onnx-model.ts';
import type { DryRun } from './tensorrt/plan-order.ts';
import { dryRunTextModel, makeTextModel } from './text-model.ts';

export interface CompileOptions {
  /** Build only these of the deployment's models. */
  readonly models?: readonly string[];
  /** Overrides the deployment's repository folder; relative to the working directory. */
  readonly repository?: string;
  /** Overrides the deployment's target. */
  readonly target?: string;
  /** Build what is up to date too, and overwrite configurations that were edited by hand. */
  readonly force?: boolean;
  /** The Python for steps that need PyTorch; CONCH_PYTHON or the environment of `conch env` unless given. */
  readonly python?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface CompileResult {
  /** Absolute folder of the model repository. */
  readonly repository: string;
  readonly target: string;
  /** In the order of the deployment; composing models before their ensemble. */
  readonly models: readonly MadeModel[];
}

/** Builds what a deployment describes into its model repository; unchanged models are left alone. */
export async function compileDeployment(loaded: LoadedDeployment, options: CompileOptions): Promise<CompileResult> {
  const { context, names } = begin(loaded, options);
  const models: MadeModel[] = [];
  for (const name of names) {
    const model = loaded.deployment.models[name]!;
    models.push(...(await make(context, name, model)));
  }
  return { repository: context.repository, target: context.target.name, models };
}

/** What `compileDeployment` would do outside conch itself. */
export interface DryRunResult {
  readonly repository: string;
  readonly target: string;
  readonly models: readonly (DryRun | { readonly name: string; readonly steps: readonly [] })[];
}

/** The commands that a compile would have Docker, Python or another host run for TensorRT plans; nothing is built. */
export async function dryRunDeployment(loaded: LoadedDeployment, options: CompileOptions): Promise<DryRunResult> {
  const { context, names } = begin(loaded, options);
  const models: DryRunResult['models'][number][] = [];
  for (const name of names) {
    const model = loaded.deployment.models[name]!;
    const run = await dryRun(context, name, model);
    models.push(run ?? { name, steps: [] });
  }
  return { repository: context.repository, target: context.target.name, models };
}

function dryRun(
  context: CompileContext,
  name: string,
  model: ModelDeployment,
): Promise<DryRun | undefined> | undefined {
  if (isCheckpointDeployment(model)) return dryRunTextModel(context, name, model);
  return isOnnxDeployment(model) ? dryRunOnnxModel(context, name, model) : undefined;
}

function begin(loaded: LoadedDeployment, options: CompileOptions): { context: CompileContext; names: string[] } {
  const { deployment, baseDir } = loaded;
  const target =
    (options.target ?? deployment.target) ? findTarget((options.target ?? deployment.target)!) : defaultTarget;
  const context: CompileContext = {
    repository: repositoryOf(loaded, options.repository),
    target,
    baseDir,
    force: options.force ?? false,
    python: options.python,
    toolVersion: packageVersion(),
    progress: options.progress ?? silentProgress,
    signal: options.signal,
  };
  const names = chosen(deployment.models, options.models);
  // Before anything is built: the parts `<name>-model` and `<name>-tokenizer` of a name that cannot be could be built.
  for (const name of names) checkModelName(name);
  return { context, names };
}

/** Absolute folder of a deployment's model repository; `override` is relative to the working directory. */
export function repositoryOf(loaded: LoadedDeployment, override?: string): string {
  return override ? resolve(override) : resolve(loaded.baseDir, loaded.deployment.repository ?? 'models');
}

/** A deployment of one model, as `conch compile <checkpoint, .py or .onnx> --name N --out DIR` means it. */
export function deploymentOf(options: {
  checkpoint: string;
  name?: string;
  out?: string;
  revision?: string;
  max_batch_size?: number;
  layout?: Layout;
  precision?: Precision;
  /** For an ONNX file: the opset to write. */
  opset?: number;
  /** For a Python file: what a checkpoint's own files would tell. */
  module?: Pick<ModuleDeployment, 'inputs' | 'outputs' | 'state_dict' | 'formats'>;
}): LoadedDeployment {
  const { checkpoint, revision, max_batch_size, layout, precision, opset, module } = options;
  const name = options.name ?? basename(checkpoint.replace(/\.onnx$|\.py(:\w*)?$/, '')).toLowerCase();
  const common = max_batch_size === undefined ? {} : { max_batch_size };
  const foreign = checkpoint.endsWith('.onnx');
  const model = module
    ? { module: checkpoint, ...module, ...common }
    : {
        ...(foreign ? { onnx: checkpoint } : { checkpoint }),
        ...common,
        ...(opset !== undefined && { opset }),
        ...(revision && { revision }),
        ...(layout && { layout }),
        ...(precision && { precision }),
      };
  const deployment = { repository: options.out ?? 'models', models: { [name]: model as ModelDeployment } };
  return {
    deployment: module || foreign ? checkDeployment(deployment, checkpoint) : deployment,
    file: undefined,
    baseDir: process.cwd(),
  };
}

function make(context: CompileContext, name: string, model: ModelDeployment): Promise<MadeModel[]> {
  if (isCheckpointDeployment(model)) return makeTextModel(context, name, model);
  if (isOnnxDeployment(model)) return makeOnnxModel(context, name, model);
  return isModuleDeployment(model) ? makeModuleModel(context, name, model) : makeMlpModel(context, name, model);
}

function chosen(models: Readonly<Record<string, unknown>>, wanted: readonly string[] | undefined): string[] {
  const known = Object.keys(models);
  const unknown = (wanted ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new ConchError('USAGE', `the deployment has no model '${unknown[0]}'; it has ${known.join(', ')}`);
  }
  return wanted?.length ? known.filter((name) => wanted.includes(name)) : known;
}
