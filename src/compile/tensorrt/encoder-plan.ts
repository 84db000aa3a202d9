import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ConchError, cacheDirectory, hashValue } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { CompileContext } from '../artifact.ts';
import type { CompiledModel } from '../compiled.ts';
import { describeEncoder } from '../encoder.ts';
import type { GateReport } from '../gate/gate.ts';
import { limitsFor } from '../gate/limits.ts';
import type { Sample } from '../gate/sample.ts';
import { compileLowered, gateInputs, type LoweredEncoderOptions } from '../lowered-encoder.ts';
import { askPython } from '../python/ask-python.ts';
import { environmentDir, environmentPython } from '../python/environment.ts';
import { type BuiltPlan, buildPlans } from './build-plans.ts';
import { comparePlan, type PlanComparison } from './comparison.ts';
import { wantedVersion } from './fit.ts';
import { type DryRun, dryRunOf, type PlanOrder, takes } from './plan-order.ts';
import { profilesFor } from './profiles.ts';
import type { PlanProfile, TensorrtSettings } from './settings.ts';

export interface EncoderPlanOptions {
  readonly context: Pick<CompileContext, 'repository' | 'target' | 'baseDir' | 'python' | 'signal'>;
  /** Of the model that becomes a plan. */
  readonly name: string;
  /** Its name in the deployment. */
  readonly deployed: string;
  readonly settings: TensorrtSettings;
  readonly max_batch_size: number;
  readonly preferred: readonly number[];
  readonly encoder: Omit<LoweredEncoderOptions, 'outDir' | 'target' | 'signal'>;
}

export interface EncoderPlan {
  readonly built: CompiledModel;
  readonly gate: GateReport;
  /** What config.pbtxt says in place of an ONNX model's. */
  readonly config: Partial<ModelConfig>;
  /** Of the manifest, under `tensorrt`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

type Described = Awaited<ReturnType<typeof describeEncoder>>;

/** Refuses what no plan can be made of, before anything is built. Gives the TensorRT that the plan must be of. */
export function checkEncoderPlan({ context, deployed, settings, max_batch_size, encoder }: EncoderPlanOptions) {
  const { precision, layout } = encoder;
  const refuse = (field: string, message: string, fix: string) => {
    throw new ConchError('DEPLOYMENT_INVALID', `models.${deployed}.${field}: ${message}`, { fix });
  };
  if (layout === 'packed') {
    refuse('layout', 'a TensorRT plan takes padded texts only', "leave layout out, or set it to 'padded'");
  }
  if (precision !== 'fp32' && precision !== 'fp16') {
    refuse('precision', `a TensorRT plan is built from fp32 or fp16, got ${precision}`, "use 'fp16'");
  }
  if (max_batch_size < 1) {
    refuse('max_batch_size', "a plan's profiles need the largest batch, it is 0", 'set max_batch_size to 1 or more');
  }
  return wantedVersion(deployed, context.target, settings);
}

/** The commands that would make the plan; nothing is built or written. */
export async function dryRunEncoderPlan(options: EncoderPlanOptions): Promise<DryRun> {
  const wanted = checkEncoderPlan(options);
  const described = await describeEncoder({ ...options.encoder, target: options.context.target });
  return dryRunOf(await orderFor(options, described), wanted);
}

/**
 * Compiles an encoder to ONNX, compares that with its source, builds plans of it, and compares each with the ONNX. The
 * plans lie in `outDir` afterwards. The folder in conch's cache where it happens stays when something fails.
 */
export async function compileEncoderPlan(
  options: EncoderPlanOptions & { readonly outDir: string },
): Promise<EncoderPlan> {
  const { context, name, settings, encoder, outDir } = options;
  const wanted = checkEncoderPlan(options);
  const work = workFolder(options);
  const task = encoder.progress!;
  if (usesPython(settings)) await requireTensorrt(name, pythonOf(context), context.signal);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const { target, signal } = context;
  const { built, gate } = await compileLowered({ ...encoder, outDir: work, target, signal });
  if (!gate.passed) return { built, gate, config: {}, facts: {} };

  const order = await orderFor(options, built);
  const { precision, limits } = encoder;
  const classifies = built.task === 'text-classification' || built.task === 'token-classification';
  const compared: PlanComparison[] = [];
  const plans = await buildPlans(
    { order, wanted, timingCache: timingCacheOf(options), task, signal },
    async ({ builder, path }) => {
      const allowed =
        precision === 'fp32' && settings.tf32
          ? { ...limitsFor('fp16'), ...encoder.limits, max_error: undefined }
          : limits;
      const { samples } = order;
      compared.push(
        await comparePlan({
          ...{ name, plan: builder.plan, work, samples, classifies, signal },
          limits: clean(allowed),
        }),
      );
      await copyFile(path, join(outDir, builder.plan));
    },
  );
  await rm(work, { recursive: true, force: true });
  const missed = compared.flatMap((one) => one.missed);
  return {
    built: { ...built, files: plans.map(({ builder }) => builder.plan) },
    gate: missed.length > 0 ? { ...gate, passed: false, missed } : gate,
    config: configOf(order, plans),
    facts: factsOf(options, order, plans, compared),
  };
}

function clean<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}

async function orderFor(options: EncoderPlanOptions, described: Described | CompiledModel): Promise<PlanOrder> {
  const { context, name, deployed, settings, max_batch_size, preferred, encoder } = options;
  const positions = described.maxLength ?? 512;
  const maxSequence = encoder.maxLength ?? Math.min(positions, described.maxSeqLength ?? positions);
  const profiles = profilesFor({ name: deployed, max_batch_size, preferred, maxSequence }, settings.profiles);
  const { batches, alone } = await gateInputs(described, encoder);
  // A batch, one text alone, and the longest beside a short one: a run each, which loads the plan anew.
  const candidates = [firstRows(batches[0]!, max_batch_size), alone[0]!, batches.at(-1)!];
  const samples = candidates.filter(({ inputs }) => profiles.some((profile) => takes(profile, inputs)));
  if (samples.length === 0) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${deployed}.tensorrt.profiles: none takes any of the texts to compare on`,
      {
        fix: 'begin one at batch 1 and sequence 1',
      },
    );
  }
  return {
    ...{ name, deployed, settings, profiles, samples, target: context.target, inputs: described.inputs },
    work: workFolder(options),
    python: pythonOf(context),
  };
}

function firstRows({ inputs, kept }: Sample, count: number): Sample {
  const cut = inputs.map((tensor) => {
    const [rows = 1, ...rest] = tensor.dims;
    const taken = Math.min(rows, count);
    const data = (tensor.data as BigInt64Array).subarray(0, (tensor.data.length / rows) * taken);
    return { ...tensor, dims: [taken, ...rest], data };
  });
  return { inputs: cut, ...(kept && { kept: kept.subarray(0, cut[0]!.data.length) }) };
}

function workFolder({ context, name }: EncoderPlanOptions): string {
  const place = hashValue([context.repository, context.target.name]).replace('sha256:', '').slice(0, 8);
  return join(cacheDirectory(), 'tensorrt', `${name}-${place}`);
}

function timingCacheOf({ context, settings }: EncoderPlanOptions): string {
  const { timing_cache: given } = settings;
  if (given !== undefined) return resolve(context.baseDir, given);
  return join(cacheDirectory(), 'tensorrt', `timing-${context.target.release}.cache`);
}

function pythonOf({ python }: EncoderPlanOptions['context']): string {
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
  options: EncoderPlanOptions,
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
