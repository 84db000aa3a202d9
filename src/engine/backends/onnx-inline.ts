import type { InferenceSession } from 'onnxruntime-node';
import { ConchError } from '../../base/index.ts';
import type { BackendInstance, Batch, BatchResult } from '../backend.ts';
import type { OnnxLayout } from './onnx-layout.ts';
import { OnnxSession, OnnxSessionError } from './onnx-session.ts';
import { stackInputs, unstackOutputs } from './onnx-tensors.ts';
import { outputsOf } from './onnx-thread.ts';

/** An ONNX session on the event loop: for models whose runs are far shorter than the way to a thread and back. */
export class OnnxInline implements BackendInstance {
  readonly #session: OnnxSession;
  readonly #layout: OnnxLayout;

  private constructor(session: OnnxSession, layout: OnnxLayout) {
    this.#session = session;
    this.#layout = layout;
  }

  /** Throws MODEL_LOAD_FAILED with the runtime's own words. */
  static async open(path: string, options: InferenceSession.SessionOptions, layout: OnnxLayout): Promise<OnnxInline> {
    const session = await OnnxSession.open(path, options).catch((thrown) => {
      throw asConchError(thrown, path);
    });
    return new OnnxInline(session, layout);
  }

  async run(batch: Batch): Promise<BatchResult> {
    const start = performance.now();
    const inputs = stackInputs(batch, this.#layout, false);
    const stacked = performance.now();
    const results = await this.#session.run(inputs, outputsOf(batch)).catch((thrown) => {
      throw asConchError(thrown);
    });
    const done = performance.now();
    const responses = unstackOutputs(results, batch, this.#layout);
    return {
      responses,
      computeInput: (stacked - start) * 1e6,
      computeInfer: (done - stacked) * 1e6,
      computeOutput: (performance.now() - done) * 1e6,
    };
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

function asConchError(thrown: unknown, file?: string): unknown {
  if (!(thrown instanceof OnnxSessionError)) return thrown;
  return new ConchError(thrown.code, thrown.message, file === undefined ? {} : { where: { file } });
}
