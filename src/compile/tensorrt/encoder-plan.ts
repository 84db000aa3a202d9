import { ConchError } from '../../base/index.ts';
import type { CompiledModel } from '../compiled.ts';
import { describeEncoder } from '../encoder.ts';
import type { Sample } from '../gate/sample.ts';
import { compileLowered, gateInputs, type LoweredEncoderOptions } from '../lowered-encoder.ts';
import { checkPrecision, wantedVersion } from './fit.ts';
import { beginPlans, type MadePlans, makePlans, type PlanModel, planOrder } from './make-plans.ts';
import { type DryRun, dryRunOf, type PlanOrder } from './plan-order.ts';
import { profilesFor } from './profiles.ts';

export interface EncoderPlanOptions extends PlanModel {
  readonly encoder: Omit<LoweredEncoderOptions, 'outDir' | 'target' | 'signal'>;
}

export interface EncoderPlan extends MadePlans {
  readonly built: CompiledModel;
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
  checkPrecision(deployed, precision);
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
  const { context, encoder, outDir } = options;
  const wanted = checkEncoderPlan(options);
  const work = await beginPlans(options);
  const { target, signal } = context;
  const { built, gate } = await compileLowered({ ...encoder, outDir: work, target, signal });
  const { precision, limits } = encoder;
  const classifies = built.task === 'text-classification' || built.task === 'token-classification';
  const plans = await makePlans(options, () => orderFor(options, built), {
    ...{ wanted, gate, precision, limits, classifies, outDir, task: encoder.progress! },
  });
  return { built, ...plans };
}

async function orderFor(options: EncoderPlanOptions, described: Described | CompiledModel): Promise<PlanOrder> {
  const { deployed, settings, max_batch_size, preferred, encoder } = options;
  const positions = described.maxLength ?? 512;
  const maxSequence = encoder.maxLength ?? Math.min(positions, described.maxSeqLength ?? positions);
  const profiles = profilesFor({ name: deployed, max_batch_size, preferred, maxSequence }, settings.profiles);
  const { batches, alone } = await gateInputs(described, encoder);
  // A batch, one text alone, and the longest beside a short one: a run each, which loads the plan anew.
  const candidates = [firstRows(batches[0]!, max_batch_size), alone[0]!, batches.at(-1)!];
  return planOrder(options, { inputs: described.inputs, profiles, candidates });
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
