import type { InferenceSession } from 'onnxruntime-node';
import { ConchError } from '../../base/index.ts';
import type { BackendInstance, Batch, BatchResult } from '../backend.ts';
import type { OnnxLayout } from './onnx-layout.ts';
import { OnnxDirectSession, OnnxSession, OnnxSessionError } from './onnx-session.ts';
import { stackInputs, unstackOutputs } from './onnx-tensors.ts';
import { outputsOf } from './onnx-thread.ts';
import type { OnnxTensor } from './onnx-types.ts';

/** An ONNX session on the event loop: for models whose runs are far shorter than the way to a thread and back. */
export class OnnxInline implements BackendInstance {
  /** Absent where the runtime only has runs that wait a turn of the event loop. */
  readonly runNow: ((batch: Batch) => BatchResult) | undefined;
  readonly #session: OnnxSession | OnnxDirectSession;
  readonly #layout: OnnxLayout;

  private constructor(session: OnnxSession | OnnxDirectSession, layout: OnnxLayout) {
    this.#session = session;
    this.#layout = layout;
    if (!(session instanceof OnnxDirectSession)) return;
    this.runNow = (batch) => {
      const start = performance.now();
      const inputs = stackInputs(batch, layout, false);
      const stacked = performance.now();
      let results: readonly OnnxTensor[];
      try {
        results = session.run(inputs, outputsOf(batch));
      } catch (thrown) {
        throw asConchError(thrown);
      }
      return this.#result(batch, results, start, stacked);
    };
  }

  /** Throws MODEL_LOAD_FAILED with the runtime's own words. */
  static async open(path: string, options: InferenceSession.SessionOptions, layout: OnnxLayout): Promise<OnnxInline> {
    try {
      return new OnnxInline(OnnxDirectSession.open(path, options) ?? (await OnnxSession.open(path, options)), layout);
    } catch (thrown) {
      throw asConchError(thrown, path);
    }
  }

  async run(batch: Batch): Promise<BatchResult> {
    if (this.runNow) return this.runNow(batch);
    const start = performance.now();
    const inputs = stackInputs(batch, this.#layout, false);
    const stacked = performance.now();
    let results: readonly OnnxTensor[];
    try {
      results = await this.#session.run(inputs, outputsOf(batch));
    } catch (thrown) {
      throw asConchError(thrown);
    }
    return this.#result(batch, results, start, stacked);
  }

  #result(batch: Batch, results: readonly OnnxTensor[], start: number, stacked: number): BatchResult {
    const done = performance.now();
    const responses = unstackOutputs(results, batch, this.#layout);
    return {
      responses,
      computeInput: (stacked - start) * 1e6,
      computeInfer: (done - stacked) * 1e6,
      computeOutput: (performance.now() - done) * 1e6,
    };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

function asConchError(thrown: unknown, file?: string): unknown {
  if (!(thrown instanceof OnnxSessionError)) return thrown;
  return new ConchError(thrown.code, thrown.message, file === undefined ? {} : { where: { file } });
}
