import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const slotDelay: ModelRule = {
  code: 'sequence/slot-delay',
  severity: 'warning',
  summary: 'The delay of the direct strategy comes with a `minimum_slot_utilization`.',
  why: 'The direct strategy waits only while the share of slots with work is below `minimum_slot_utilization`. With 0, its default, the delay is never used.',
  fix: 'Set `minimum_slot_utilization`, or remove the delay.',
  *check(model) {
    const { max_queue_delay_microseconds, minimum_slot_utilization } = model.written.sequence_batching?.direct ?? {};
    const delay = toInteger(max_queue_delay_microseconds);
    if (delay === 0 || minimum_slot_utilization) return;
    yield {
      path: 'sequence_batching.direct.max_queue_delay_microseconds',
      message: `max_queue_delay_microseconds ${delay} has no effect: minimum_slot_utilization is 0`,
    };
  },
};
