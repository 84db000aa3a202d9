import type { Load } from './load.ts';
import type { LoadClock } from './load-clock.ts';
import { closedLoop, openLoop, type RunningLoop, type Sender } from './load-loops.ts';
import { type SampleBatch, Samples } from './samples.ts';

export interface LoadRunOptions {
  readonly load: Load;
  readonly sender: Sender;
  readonly clock: LoadClock;
  readonly first: number;
  readonly stride: number;
  readonly rampMs: number;
  readonly onSamples: (batch: SampleBatch) => void;
}

const flushMs = 100;

/** A loop whose samples go on in batches. */
export function runLoad({ load, onSamples, clock, ...rest }: LoadRunOptions): RunningLoop {
  const samples = new Samples();
  const options = { ...rest, clock, record: samples.add.bind(samples) };
  const loop = load.kind === 'closed' ? closedLoop(load, options) : openLoop(load, options);
  const flush = () => {
    const batch = samples.take();
    if (batch) onSamples(batch);
  };
  let cancel = () => {};
  const again = () => {
    flush();
    cancel = clock.at(clock.now() + flushMs, again);
  };
  cancel = clock.at(clock.now() + flushMs, again);
  return {
    async stop() {
      await loop.stop();
      cancel();
      flush();
    },
  };
}
