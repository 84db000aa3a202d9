import type { OnnxWeight } from '../../onnx/index.ts';
import { floatsOf } from './editing.ts';

/** 4 bits hold -8 to 7, stored as 0 to 15 as MatMulNBits takes them where no zero point is given. */
const offset = 8;

/**
 * A matrix in 4 bits as MatMulNBits wants it: [outputs, blocks, blockSize / 2], two values a byte, the first in the lower
 * half; and scales [outputs, blocks] FP32. The value of largest magnitude in a block becomes -8, the end that reaches
 * farther. One matrix at a time is in memory, and only while it is written.
 */
export class BlockQuantised {
  readonly #weight: OnnxWeight;
  readonly #options: { size: number; outputs: number; transposed: boolean; blockSize: number };
  #scales: Float32Array | undefined;

  constructor(weight: OnnxWeight, options: { size: number; outputs: number; transposed: boolean; blockSize: number }) {
    this.#weight = weight;
    this.#options = options;
  }

  async *values(): AsyncGenerator<Uint8Array> {
    const { values, scales } = await this.#quantise();
    this.#scales = scales;
    yield values;
  }

  async *scales(): AsyncGenerator<Uint8Array> {
    this.#scales ??= (await this.#quantise()).scales;
    yield new Uint8Array(this.#scales.buffer);
  }

  async #quantise(): Promise<{ values: Uint8Array; scales: Float32Array }> {
    const { size, outputs, blockSize } = this.#options;
    const rows = await this.#byOutput();
    const blocks = Math.ceil(size / blockSize);
    const values = new Uint8Array((outputs * blocks * blockSize) / 2).fill(offset * 17);
    const scales = new Float32Array(outputs * blocks);
    for (let block = 0; block < outputs * blocks; block++) {
      const output = Math.floor(block / blocks);
      const first = (block % blocks) * blockSize;
      const start = output * size + first;
      const count = Math.min(blockSize, size - first);
      let extreme = 0;
      for (let i = 0; i < count; i++) if (Math.abs(rows[start + i]!) > Math.abs(extreme)) extreme = rows[start + i]!;
      const scale = extreme === 0 ? 1 : extreme / -offset;
      scales[block] = scale;
      for (let i = 0; i < count; i++) {
        const value = Math.max(0, Math.min(15, Math.round(rows[start + i]! / scale) + offset));
        const at = (block * blockSize + i) >> 1;
        values[at] = i % 2 === 0 ? (values[at]! & 0xf0) | value : (values[at]! & 0x0f) | (value << 4);
      }
    }
    return { values, scales };
  }

  /** The matrix as [outputs, size]. */
  async #byOutput(): Promise<Float32Array> {
    const { size, outputs, transposed } = this.#options;
    const rows = new Float32Array(size * outputs);
    let place = 0;
    for await (const run of floatsOf(this.#weight)) {
      if (transposed) rows.set(run, place);
      else {
        for (let i = 0; i < run.length; i++) {
          const at = place + i;
          rows[(at % outputs) * size + Math.floor(at / outputs)] = run[i]!;
        }
      }
      place += run.length;
    }
    return rows;
  }
}
