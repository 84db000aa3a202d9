import './onnx-telemetry.ts';
import * as ort from 'onnxruntime-node';
import { ConchError } from '../../base/index.ts';
import { type Datatype, type TensorData, viewBytes } from '../../tensor/index.ts';
import { type OnnxTensor, onnxTypes } from './onnx-tensors.ts';

const datatypeOf = new Map(Object.entries(onnxTypes).map(([datatype, type]) => [type, datatype as Datatype]));

/** An ONNX Runtime session in this thread. `run` blocks the thread while it computes. */
export class OnnxSession {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** Throws MODEL_LOAD_FAILED with the runtime's own words. */
  static async open(path: string, options: ort.InferenceSession.SessionOptions): Promise<OnnxSession> {
    try {
      return new OnnxSession(await ort.InferenceSession.create(path, options));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ConchError('MODEL_LOAD_FAILED', `ONNX Runtime cannot load the model: ${reason}`, {
        where: { file: path },
      });
    }
  }

  /** Throws EXECUTION_FAILED with the runtime's own words. */
  async run(inputs: readonly OnnxTensor[], outputs: readonly string[]): Promise<OnnxTensor[]> {
    try {
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrt(input)]));
      const results = await this.#session.run(feeds, outputs);
      return outputs.map((name) => fromOrt(name, results[name]!));
    } catch (thrown) {
      if (thrown instanceof ConchError) throw thrown;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ConchError('EXECUTION_FAILED', `ONNX Runtime failed: ${reason}`);
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function toOrt({ datatype, dims, data }: OnnxTensor): ort.Tensor {
  if (datatype === 'FP16') {
    // Given 'float16', ort.Tensor turns the patterns into a Float16Array, whose length the binding then reads as 0
    // (microsoft/onnxruntime#32323). It does take the patterns as they are from a tensor that is called float16.
    return Object.assign(new ort.Tensor('uint16', data as Uint16Array, dims), {
      type: 'float16' as const,
    }) as ort.Tensor;
  }
  return new ort.Tensor(onnxTypes[datatype] as 'float32', data as Float32Array, dims);
}

function fromOrt(name: string, tensor: ort.Tensor): OnnxTensor {
  const datatype = datatypeOf.get(tensor.type);
  if (!datatype)
    throw new ConchError('EXECUTION_FAILED', `output '${name}' is of ONNX type ${tensor.type}, which Triton has not`);
  const { dims } = tensor;
  if (datatype === 'BYTES') return { name, datatype, dims, data: tensor.data as string[] };
  // FP16 comes as a Float16Array where JavaScript has one; everything of ours sees its 16-bit patterns.
  const { buffer, byteOffset, byteLength } = tensor.data as Exclude<TensorData, never>;
  return { name, datatype, dims, data: viewBytes(datatype, new Uint8Array(buffer, byteOffset, byteLength)) };
}
