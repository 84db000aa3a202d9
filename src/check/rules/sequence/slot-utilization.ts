import type { ModelRule } from '../../rule.ts';

export const slotUtilization: ModelRule = {
  code: 'sequence/slot-utilization',
  severity: 'error',
  summary: '`minimum_slot_utilization` lies in 0 to 1.',
  why: 'It is the share of slots with work that starts a run before the delay is over. Triton refuses what is below 0 or above 1.',
  fix: 'Use a fraction, e.g. 0.5 for half of the slots.',
  *check(model) {
    const share = model.written.sequence_batching?.direct?.minimum_slot_utilization;
    if (share === undefined || !(share < 0 || share > 1)) return;
    yield {
      path: 'sequence_batching.direct.minimum_slot_utilization',
      message: `minimum_slot_utilization is ${Number(share.toPrecision(6))}, it must be 0 to 1`,
    };
  },
};
