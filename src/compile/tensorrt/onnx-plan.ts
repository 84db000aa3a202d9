import { ConchError } from '../../base/index.ts';
import type { CompiledTensor } from '../compiled.ts';
import type { Sample } from '../gate/sample.ts';
import type { Precision } from '../lowering/lower.ts';
import { checkPrecision, wantedVersion } from './fit.ts';
import { type PlanModel, planOrder } from './make-plans.ts';
import type { PlanOrder } from './plan-order.ts';
import { profilesFor } from './profiles.ts';

/** Each run loads the plan anew. */
const mostRuns = 3;

/**
 * The order for a plan of an ONNX file: by default profiles up to each preferred batch and the largest; where more than the
 * batch varies, those of the deployment, since the file does not say how large a dimension may be.
 */
export function onnxPlanOrder(
  model: PlanModel,
  made: {
    readonly inputs: readonly CompiledTensor[];
    readonly samples: readonly Sample[];
    readonly scalar?: string | undefined;
  },
): PlanOrder {
  const { deployed, settings, max_batch_size, preferred } = model;
  const { inputs, samples, scalar } = made;
  const refuse = (message: string, fix: string) => {
    throw new ConchError('DEPLOYMENT_INVALID', `models.${deployed}.tensorrt: ${message}`, { fix });
  };
  const odd = inputs.find(({ name }) => !/^[\w./-]+$/.test(name));
  if (odd)
    refuse(`trtexec cannot take the input name '${odd.name}'`, 'rename it in the ONNX: letters, digits and ._/-');
  if (scalar !== undefined)
    refuse(`input '${scalar}' has no dimension but the batch`, 'give it a dimension of 1 more in the ONNX');
  if (max_batch_size < 1) {
    refuse(
      'a batch of any size is what profiles are made of, and max_batch_size is 0',
      'set max_batch_size to 1 or more',
    );
  }
  const varies = inputs.find(({ dims }) => dims.includes(-1));
  if (varies && settings.profiles === undefined) {
    refuse(
      `input '${varies.name}' varies in more than the batch, and the file does not say how far`,
      'give profiles: [{ min: { batch, sequence }, opt: ..., max: ... }], where sequence is the size of such dimensions',
    );
  }
  const maxSequence = varies ? Math.max(...settings.profiles!.map(({ max }) => max.sequence ?? 0)) : undefined;
  const profiles = profilesFor({ name: deployed, max_batch_size, preferred, maxSequence }, settings.profiles);
  return planOrder(model, { inputs, profiles, candidates: samples.slice(0, mostRuns) });
}

/** Refuses what no plan can be made of, before anything is built. Gives the TensorRT that the plan must be of. */
export function checkOnnxPlan({ context, deployed, settings }: PlanModel, precision: Precision): string | undefined {
  checkPrecision(deployed, precision);
  return wantedVersion(deployed, context.target, settings);
}
