/** The thread of one ONNX instance: opens its session, then answers runs one after the other until told to close. */
import { parentPort, workerData } from 'node:worker_threads';
import { toConchError } from '../../base/index.ts';
import type { WorkerCommand, WorkerError, WorkerReport, WorkerStart } from './onnx-messages.ts';
import { OnnxSession } from './onnx-session.ts';
import type { OnnxTensor } from './onnx-tensors.ts';

const port = parentPort!;
const { path, options, busy } = workerData as WorkerStart;

function report(message: WorkerReport, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** One thing less to wait for; whoever ends the process may be waiting. */
function finished(): void {
  Atomics.sub(busy, 0, 1);
  Atomics.notify(busy, 0);
}

function describe(thrown: unknown): WorkerError {
  const { code, message } = toConchError(thrown);
  return { code, message };
}

/** The memory under the outputs, to be handed over instead of copied. */
function buffersOf(tensors: readonly OnnxTensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) if (!Array.isArray(data)) buffers.add(data.buffer as ArrayBuffer);
  return [...buffers];
}

try {
  const session = await OnnxSession.open(path, options);
  port.on('message', async (command: WorkerCommand) => {
    if (command.kind === 'close') {
      await session.close();
      port.close();
      finished();
      return;
    }
    try {
      const outputs = await session.run(command.inputs, command.outputs);
      report({ kind: 'done', id: command.id, outputs }, buffersOf(outputs));
    } catch (thrown) {
      report({ kind: 'failed', id: command.id, error: describe(thrown) });
    }
    finished();
  });
  report({ kind: 'ready' });
} catch (thrown) {
  report({ kind: 'refused', error: describe(thrown) });
  port.close();
}
finished();
