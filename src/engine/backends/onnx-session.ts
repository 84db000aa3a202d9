import './onnx-telemetry.ts';
import * as ort from 'onnxruntime-node';
import type { Datatype, TensorData } from '../../tensor/index.ts';
import { type DirectSession, type DirectTensor, openDirect } from './onnx-direct.ts';
import { type OnnxTensor, onnxTypes } from './onnx-types.ts';

// Every thread loads this module anew, and pays for what it imports in time and memory (logging and all of `base` would
// be 20 MB an instance), so it stands on nothing but the runtime.

const datatypeOf = new Map(Object.entries(onnxTypes).map(([datatype, type]) => [type, datatype as Datatype]));

/** What went wrong in a session, by its code in the catalogue of errors. */
export class OnnxSessionError extends Error {
  readonly code: 'MODEL_LOAD_FAILED' | 'EXECUTION_FAILED';
  constructor(code: OnnxSessionError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** An ONNX Runtime session in this thread. `run` blocks the thread while it computes. */
export class OnnxSession {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** Throws an OnnxSessionError with the runtime's own words. */
  static async open(path: string, options: ort.InferenceSession.SessionOptions): Promise<OnnxSession> {
    try {
      return new OnnxSession(await ort.InferenceSession.create(path, options));
    } catch (thrown) {
      throw new OnnxSessionError('MODEL_LOAD_FAILED', `ONNX Runtime cannot load the model: ${reasonOf(thrown)}`);
    }
  }

  /** Throws an OnnxSessionError with the runtime's own words. */
  async run(inputs: readonly OnnxTensor[], outputs: readonly string[]): Promise<OnnxTensor[]> {
    try {
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrt(input)]));
      const results = await this.#session.run(feeds, outputs);
      return outputs.map((name) => fromOrt(name, results[name]!));
    } catch (thrown) {
      if (thrown instanceof OnnxSessionError) throw thrown;
      throw new OnnxSessionError('EXECUTION_FAILED', `ONNX Runtime failed: ${reasonOf(thrown)}`);
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** A session whose runs do not wait for anything, not even for a turn of the event loop. */
export class OnnxDirectSession {
  readonly #session: DirectSession;
  /** As asked for last, which is mostly the same list again. */
  #outputs: readonly string[] = [];
  #fetches: Readonly<Record<string, null>> = {};

  private constructor(session: DirectSession) {
    this.#session = session;
  }

  /** Undefined where the runtime's binding cannot be had. Throws an OnnxSessionError with the runtime's own words. */
  static open(path: string, options: ort.InferenceSession.SessionOptions): OnnxDirectSession | undefined {
    try {
      const session = openDirect(path, options);
      return session && new OnnxDirectSession(session);
    } catch (thrown) {
      throw new OnnxSessionError('MODEL_LOAD_FAILED', `ONNX Runtime cannot load the model: ${reasonOf(thrown)}`);
    }
  }

  /** Throws an OnnxSessionError with the runtime's own words. */
  run(inputs: readonly OnnxTensor[], outputs: readonly string[]): OnnxTensor[] {
    const feeds: Record<string, DirectTensor> = {};
    for (const { name, datatype, dims, data } of inputs) {
      feeds[name] = { type: onnxTypes[datatype]!, dims, data, location: 'cpu' };
    }
    if (outputs !== this.#outputs) {
      this.#outputs = outputs;
      this.#fetches = Object.fromEntries(outputs.map((name) => [name, null]));
    }
    let results: Record<string, ort.Tensor>;
    try {
      results = this.#session.run(feeds, this.#fetches);
    } catch (thrown) {
      throw new OnnxSessionError('EXECUTION_FAILED', `ONNX Runtime failed: ${reasonOf(thrown)}`);
    }
    return outputs.map((name) => fromOrt(name, results[name]!));
  }

  close(): void {
    this.#session.dispose();
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
  const { dims, type } = tensor;
  const datatype = datatypeOf.get(type);
  if (!datatype) {
    throw new OnnxSessionError('EXECUTION_FAILED', `output '${name}' is of ONNX type ${type}, which Triton has not`);
  }
  if (datatype !== 'FP16') return { name, datatype, dims, data: tensor.data as TensorData | string[] };
  // Comes as a Float16Array where JavaScript has one; everything of ours sees its 16-bit patterns.
  const { buffer, byteOffset, byteLength } = tensor.data as Uint16Array;
  return { name, datatype, dims, data: new Uint16Array(buffer, byteOffset, byteLength / 2) };
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
