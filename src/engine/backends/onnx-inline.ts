import type { BackendInstance, Batch, BatchResult } from '../backend.ts';
import type { OnnxSession } from './onnx-session.ts';
import { type OnnxLayout, stackInputs, unstackOutputs } from './onnx-tensors.ts';
import { outputsOf } from './onnx-thread.ts';

/** An ONNX session on the event loop: for models whose runs are far shorter than the way to a thread and back. */
export class OnnxInline implements BackendInstance {
  readonly #session: OnnxSession;
  readonly #layout: OnnxLayout;

  constructor(session: OnnxSession, layout: OnnxLayout) {
    this.#session = session;
    this.#layout = layout;
  }

  async run(batch: Batch): Promise<BatchResult> {
    const start = performance.now();
    const inputs = stackInputs(batch, this.#layout, false);
    const stacked = performance.now();
    const results = await this.#session.run(inputs, outputsOf(batch));
    const done = performance.now();
    const responses = unstackOutputs(results, batch, this.#layout);
    return {
      responses,
      computeInput: (stacked - start) * 1e6,
      computeInfer: (done - stacked) * 1e6,
      computeOutput: (performance.now() - done) * 1e6,
    };
  }

  /** The session belongs to the model, which closes it. */
  async close(): Promise<void> {}
}
