import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

const second = 1_000_000;

export const delayLong: ModelRule = {
  code: 'batching/delay-long',
  severity: 'warning',
  summary: '`max_queue_delay_microseconds` is a matter of milliseconds.',
  why: 'The delay is in microseconds, and a request that arrives alone waits all of it. Values near 2^64 have been seen to keep a lone request forever while a processor core spins.',
  fix: 'Use some hundred to some thousand microseconds: about the time of one execution.',
  *check(model) {
    const { dynamic_batching, sequence_batching } = model.written;
    const given = [
      ['dynamic_batching', dynamic_batching?.max_queue_delay_microseconds],
      ['sequence_batching.direct', sequence_batching?.direct?.max_queue_delay_microseconds],
      ['sequence_batching.oldest', sequence_batching?.oldest?.max_queue_delay_microseconds],
    ] as const;
    for (const [parent, value] of given) {
      const delay = toInteger(value);
      if (delay < second) continue;
      yield {
        path: `${parent}.max_queue_delay_microseconds`,
        message: `max_queue_delay_microseconds ${value} lets a lone request wait ${duration(delay / second)}`,
      };
    }
  },
};

function duration(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 172_800) return `${Math.round(seconds / 60)} minutes`;
  return `${Math.round(seconds / 86_400)} days`;
}
