/** The process that serves one variant for one round of timing. */
import { InferenceSession } from 'onnxruntime-node';
import { percentile } from '../../base/index.ts';
import { toRuntime } from '../gate/runtime-tensor.ts';
import type { Sample } from '../gate/sample.ts';
import { answerParent, processMemory } from './child.ts';
import type { SpeedFigures } from './report.ts';
import { leastMilliseconds, type TimingOrder, warmUps } from './timing.ts';

answerParent(async ({ path, runtimePasses, threads, alone, batches, count }: TimingOrder): Promise<SpeedFigures> => {
  const created = performance.now();
  const session = await InferenceSession.create(path, {
    logSeverityLevel: 4,
    intraOpNumThreads: threads,
    graphOptimizationLevel: runtimePasses ? 'all' : 'disabled',
  });
  const loadMilliseconds = performance.now() - created;
  const feeds = (samples: readonly Sample[]) =>
    samples.map(({ inputs }) => Object.fromEntries(inputs.map((input) => [input.name, toRuntime(input)])));
  const [single, several] = [feeds(alone), feeds(batches)];
  for (const one of [...single.slice(0, warmUps), ...several.slice(0, 1)]) await session.run(one);

  const latencies: number[] = [];
  const begun = performance.now();
  do {
    for (const one of single) {
      const from = performance.now();
      await session.run(one);
      latencies.push(performance.now() - from);
    }
  } while (performance.now() - begun < leastMilliseconds);
  let passes = 0;
  const [from, before] = [performance.now(), process.cpuUsage()];
  do {
    for (const one of several) await session.run(one);
    passes++;
  } while (performance.now() - from < leastMilliseconds);
  const [milliseconds, { user, system }] = [performance.now() - from, process.cpuUsage(before)];
  const memoryBytes = processMemory().proportional ?? process.memoryUsage().rss;
  await session.release();
  return {
    loadMilliseconds,
    memoryBytes,
    latencyMilliseconds: percentile(Float64Array.from(latencies).sort(), 50),
    textsPerSecond: (1000 * passes * count) / milliseconds,
    cpuMilliseconds: (user + system) / 1000 / (passes * count),
  };
});
