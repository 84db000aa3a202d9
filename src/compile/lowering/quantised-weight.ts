import type { OnnxWeight } from '../../onnx/index.ts';
import { floatsOf } from './editing.ts';

/**
 * A matrix as symmetric INT8 [size, outputs] with one FP32 scale an output: the largest magnitude of a channel becomes
 * `largest` (127, or 63 where products of two must fit into 16 bits). One matrix at a time is in memory, and only while
 * it is written.
 */
export class QuantisedWeight {
  readonly #weight: OnnxWeight;
  readonly #size: number;
  readonly #outputs: number;
  readonly #transposed: boolean;
  readonly #largest: number;
  #scales: Float32Array | undefined;

  constructor(weight: OnnxWeight, options: { size: number; outputs: number; transposed: boolean; largest: number }) {
    this.#weight = weight;
    this.#size = options.size;
    this.#outputs = options.outputs;
    this.#transposed = options.transposed;
    this.#largest = options.largest;
  }

  /** [outputs] FP32. */
  async *scales(): AsyncGenerator<Uint8Array> {
    this.#scales ??= this.#transposed ? (await this.#byRows(false)).scales : await this.#scalesOfColumns();
    yield new Uint8Array(this.#scales.buffer);
  }

  /** [size, outputs] INT8, whichever way the source lies. */
  async *turned(): AsyncGenerator<Uint8Array> {
    if (this.#transposed) {
      const { values, scales } = await this.#byRows(true);
      this.#scales = scales;
      yield new Uint8Array(values.buffer);
    } else yield* this.#byColumns();
  }

  /** INT8 in the order of the source. */
  async *asStored(): AsyncGenerator<Uint8Array> {
    if (this.#transposed) {
      const { values, scales } = await this.#byRows(false);
      this.#scales = scales;
      yield new Uint8Array(values.buffer);
    } else yield* this.#byColumns();
  }

  /** The source lies as [outputs, size]: a row is a channel, and one reading is enough. */
  async #byRows(turn: boolean): Promise<{ values: Int8Array; scales: Float32Array }> {
    const [size, outputs] = [this.#size, this.#outputs];
    const values = new Int8Array(size * outputs);
    const scales = new Float32Array(outputs);
    const row = new Float32Array(size);
    let channel = 0;
    let filled = 0;
    const finish = () => {
      const scale = scaleOf(largestOf(row), this.#largest);
      scales[channel] = scale;
      const inverse = 1 / scale;
      if (turn) for (let i = 0, to = channel; i < size; i++, to += outputs) values[to] = Math.round(row[i]! * inverse);
      else for (let i = 0, to = channel * size; i < size; i++, to++) values[to] = Math.round(row[i]! * inverse);
      channel++;
      filled = 0;
    };
    for await (const run of floatsOf(this.#weight)) {
      for (let start = 0; start < run.length; ) {
        const part = run.subarray(start, start + size - filled);
        row.set(part, filled);
        filled += part.length;
        start += part.length;
        if (filled === size) finish();
      }
    }
    return { values, scales };
  }

  async #scalesOfColumns(): Promise<Float32Array> {
    const largest = new Float32Array(this.#outputs);
    let column = 0;
    for await (const run of floatsOf(this.#weight)) {
      for (let i = 0; i < run.length; i++) {
        const magnitude = Math.abs(run[i]!);
        if (magnitude > largest[column]!) largest[column] = magnitude;
        if (++column === this.#outputs) column = 0;
      }
    }
    return largest.map((magnitude) => scaleOf(magnitude, this.#largest));
  }

  async *#byColumns(): AsyncGenerator<Uint8Array> {
    this.#scales ??= await this.#scalesOfColumns();
    const inverse = this.#scales.map((scale) => 1 / scale);
    let column = 0;
    for await (const run of floatsOf(this.#weight)) {
      const values = new Int8Array(run.length);
      for (let i = 0; i < run.length; i++) {
        values[i] = Math.round(run[i]! * inverse[column]!);
        if (++column === this.#outputs) column = 0;
      }
      yield new Uint8Array(values.buffer);
    }
  }
}

function largestOf(row: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) {
    const magnitude = Math.abs(row[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** A channel of zeros has any scale but zero, by which nothing could be divided. */
function scaleOf(magnitude: number, largest: number): number {
  return magnitude > 0 && Number.isFinite(magnitude) ? magnitude / largest : 1;
}
