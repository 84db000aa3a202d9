/** The process that runs a model for the gate, so that all its memory goes back when it ends. */
import { InferenceSession } from 'onnxruntime-node';
import type { RunnerOrder, RunnerReport } from './runner.ts';
import { fromRuntime, toRuntime } from './runtime-tensor.ts';

const send = (report: RunnerReport) => new Promise<void>((resolve) => process.send!(report, () => resolve()));

process.once('message', async ({ path, samples, outputs }: RunnerOrder) => {
  try {
    const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
    for (const { inputs } of samples) {
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, toRuntime(input)]));
      const results = await session.run(feeds, outputs ?? session.outputNames);
      await send({
        kind: 'outputs',
        outputs: Object.entries(results).map(([name, tensor]) => fromRuntime(name, tensor)),
      });
    }
    await send({ kind: 'done' });
  } catch (thrown) {
    await send({ kind: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) });
  }
  process.disconnect();
});
