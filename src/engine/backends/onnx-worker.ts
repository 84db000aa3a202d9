/** The thread of one ONNX instance: opens its session, then answers runs one after the other until told to close. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerCommand, WorkerError, WorkerReport, WorkerStart } from './onnx-messages.ts';
import { OnnxSession, OnnxSessionError } from './onnx-session.ts';
import type { OnnxTensor } from './onnx-types.ts';

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
  if (thrown instanceof OnnxSessionError) return { code: thrown.code, message: thrown.message };
  return { code: 'EXECUTION_FAILED', message: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** The memory under the outputs, to be handed over instead of copied. */
function buffersOf(tensors: readonly OnnxTensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) if (!Array.isArray(data)) buffers.add(data.buffer as ArrayBuffer);
  return [...buffers];
}

/**
 * Opening a session packs every weight in turn; glibc then keeps up to 64 MB at the end of this thread's heap, by how
 * large the pieces were. It gives that back when the free end exceeds the limit, which this brings about, untouched
 * memory being free of cost.
 */
function releaseFreeMemory(): void {
  const pieces = Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(1 << 20).buffer);
  for (const piece of pieces) piece.transfer(0);
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
  releaseFreeMemory();
  report({ kind: 'ready' });
} catch (thrown) {
  report({ kind: 'refused', error: describe(thrown) });
  port.close();
}
finished();
