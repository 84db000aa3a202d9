import { copyFile, cp, mkdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  ConchError,
  cacheDirectory,
  environmentDir,
  environmentPython,
  hashValue,
  type ProgressTask,
} from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { CompileContext } from '../artifact.ts';
import type { CompiledTensor } from '../compiled.ts';
import type { GateReport } from '../gate/gate.ts';
import { type GateLimits, limitsFor } from '../gate/limits.ts';
import type { Sample } from '../gate/sample.ts';
import type { Precision } from '../lowering/lower.ts';
import { askPython } from '../python/ask-python.ts';
import { type BuiltPlan, buildPlans } from './build-plans.ts';
import { comparePlan, type PlanComparison } from './comparison.ts';
import { type PlanOrder, takes } from './plan-order.ts';
import type { PlanProfile, TensorrtSettings } from './settings.ts';

/** A model that becomes a plan. */
export interface PlanModel {
  readonly context: Pick<CompileContext, 'repository' | 'target' | 'baseDir' | 'python' | 'signal'>;
  /** Of the model that becomes a plan. */
  readonly name: string;
  /** Its name in the deployment. */
  readonly deployed: string;
  readonly settings: TensorrtSettings;
  readonly max_batch_size: number;
  readonly preferred: readonly number[];
}

export interface MadePlans {
  readonly gate: GateReport;
  /** What config.pbtxt says in place of an ONNX model's. */
  readonly config: Partial<ModelConfig>;
  /** Of the manifest, under `tensorrt`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The order for `inputs`, to be compared on those of `candidates` that a profile takes. */
export function planOrder(
  model: PlanModel,
  made: {
    readonly inputs: readonly CompiledTensor[];
    readonly profiles: readonly PlanProfile[];
    readonly candidates: readonly Sample[];
  },
): PlanOrder {
  const { context, name, deployed, settings } = model;
  const { inputs, profiles, candidates } = made;
  const samples = candidates.filter((sample) => profiles.some((profile) => takes(profile, sample.inputs, inputs)));
  if (samples.length === 0) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${deployed}.tensorrt.profiles: none takes any of the inputs to compare on`,
      { fix: 'begin one at batch 1 and sequence 1, or give a sample that one of them takes' },
    );
  }
  return {
    ...{ name, deployed, settings, profiles, samples, inputs, target: context.target },
    work: workFolder(model),
    python: pythonOf(context),
  };
}

/** The empty folder that the ONNX is to be written into. Throws ENVIRONMENT_MISSING where Python lacks tensorrt. */
export async function beginPlans(model: PlanModel): Promise<string> {
  const { context, name, settings } = model;
  if (usesPython(settings)) await requireTensorrt(name, pythonOf(context), context.signal);
  const work = workFolder(model);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  return work;
}

/**
 * Builds plans of the ONNX in the work folder, compares each with it, and puts them into `outDir`; where the ONNX itself
 * missed its limits, that lies there. The work folder stays when something fails.
 */
export async function makePlans(
  model: PlanModel,
  orderFor: () => PlanOrder | Promise<PlanOrder>,
  options: {
    /** TensorRT that the plan must be of. */
    readonly wanted: string | undefined;
    /** Of the ONNX. */
    readonly gate: GateReport;
    readonly precision: Precision;
    readonly limits: GateLimits;
    readonly classifies: boolean;
    readonly outDir: string;
    readonly task: ProgressTask;
  },
): Promise<MadePlans> {
  const { wanted, gate, precision, limits, classifies, outDir, task } = options;
  const { context, name, settings } = model;
  const { signal } = context;
  if (!gate.passed) {
    await cp(workFolder(model), outDir, { recursive: true });
    return { gate, config: {}, facts: {} };
  }
  const order = await orderFor();
  const { work, samples } = order;
  // TF32 keeps as many bits as FP16.
  const allowed = precision === 'fp32' && settings.tf32 ? limitsFor('fp16') : limits;
  const compared: PlanComparison[] = [];
  const timingCache = timingCacheOf(model);
  const plans = await buildPlans({ order, wanted, timingCache, task, signal }, async ({ builder, path }) => {
    const { plan } = builder;
    compared.push(await comparePlan({ name, plan, work, samples, classifies, signal, limits: allowed }));
    await copyFile(path, join(outDir, plan));
  });
  await rm(work, { recursive: true, force: true });
  const missed = compared.flatMap((one) => one.missed);
  return {
    gate: missed.length > 0 ? { ...gate, passed: false, missed } : gate,
    config: configOf(order, plans),
    facts: factsOf(model, order, plans, compared),
  };
}

function workFolder({ context, name }: PlanModel): string {
  const place = hashValue([context.repository, context.target.name]).replace('sha256:', '').slice(0, 8);
  return join(cacheDirectory(), 'tensorrt', `${name}-${place}`);
}

function timingCacheOf({ context, settings }: PlanModel): string {
  const { timing_cache: given } = settings;
  if (given !== undefined) return resolve(context.baseDir, given);
  return join(cacheDirectory(), 'tensorrt', `timing-${context.target.release}.cache`);
}

function pythonOf({ python }: PlanModel['context']): string {
  return python ?? (process.env.CONCH_PYTHON || environmentPython(environmentDir()));
}

function usesPython({ where, compute_capabilities: several = {} }: TensorrtSettings): boolean {
  return where === 'python' || Object.values(several).some((one) => one.where === 'python');
}

async function requireTensorrt(name: string, python: string, signal: AbortSignal | undefined): Promise<void> {
  const facts = await askPython(python, ['tensorrt'], process.env, signal);
  if (facts?.packages.tensorrt) return;
  const is = facts ? `${python} has no package tensorrt` : `${python} is no Python 3 that can be started`;
  throw new ConchError('ENVIRONMENT_MISSING', `${name}: tensorrt.where is python, but ${is}`, {
    fix: `${python} -m pip install tensorrt, in the version of the target; or set where to 'docker'`,
  });
}

function configOf({ profiles, settings }: PlanOrder, plans: readonly BuiltPlan[]): Partial<ModelConfig> {
  const several = settings.compute_capabilities !== undefined;
  const files = plans.map(({ builder, computeCapability }) => [computeCapability, builder.plan]);
  return {
    platform: 'tensorrt_plan',
    backend: 'tensorrt',
    default_model_filename: plans[0]!.builder.plan,
    ...(several && { cc_model_filenames: Object.fromEntries(files) }),
    instance_group: [
      {
        ...{ count: 1, kind: 'KIND_GPU' },
        ...(profiles.length > 1 && { profile: profiles.map((_, index) => `${index}`) }),
      },
    ],
  };
}

function factsOf(
  options: PlanModel,
  { profiles }: PlanOrder,
  plans: readonly BuiltPlan[],
  compared: readonly PlanComparison[],
): Record<string, unknown> {
  const { settings } = options;
  const each = plans.map((plan, index) => {
    const { missed: _, ...comparison } = compared[index]!;
    return {
      ...{ plan: plan.builder.plan, version: plan.version, computeCapability: plan.computeCapability },
      ...(plan.cuda !== undefined && { cuda: plan.cuda }),
      ...(plan.device !== undefined && { device: plan.device }),
      where: plan.builder.where,
      ...(plan.builder.image !== undefined && { image: plan.builder.image }),
      ...(plan.timingCache && { timingCache: { file: basename(timingCacheOf(options)), ...plan.timingCache } }),
      comparison,
    };
  });
  const { version, computeCapability, cuda } = plans[0]!;
  return {
    ...{ version, computeCapability, ...(cuda !== undefined && { cuda }) },
    stronglyTyped: true,
    ...(settings.hardware_compatibility_level !== undefined && { hardwareCompatible: true }),
    profiles: profiles.map(profileFacts),
    plans: each,
  };
}

/** Batch sizes as `min`, `opt` and `max`, and beside them the same of the sequence. */
function profileFacts({ min, opt, max }: PlanProfile) {
  return {
    ...{ min: min.batch, opt: opt.batch, max: max.batch },
    ...(max.sequence !== undefined && { sequence: { min: min.sequence, opt: opt.sequence, max: max.sequence } }),
  };
}
