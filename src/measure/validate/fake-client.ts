import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { InferenceRequest } from '../../protocol/index.ts';
import { decodeStrings, encodeBytes, type Tensor } from '../../tensor/index.ts';

/** For tests: a folder that reference files are written into. */
export async function scratch() {
  const folder = await mkdtemp(join(tmpdir(), 'validate-'));
  let files = 0;
  return {
    folder,
    /** A file of one line each; objects become JSON. */
    async jsonl(...lines: (object | string | Buffer)[]): Promise<string> {
      const path = join(folder, `${files++}.jsonl`);
      const bytes = lines.map((line) => {
        if (Buffer.isBuffer(line)) return line;
        return Buffer.from(typeof line === 'string' ? line : JSON.stringify(line));
      });
      await writeFile(path, Buffer.concat(bytes.flatMap((line) => [line, Buffer.from('\n')])));
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

export const fp32 = (name: string, shape: number[], values: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: Float32Array.from(values),
});

export const classifier: ModelConfig = {
  max_batch_size: 4,
  input: [{ name: 'text', data_type: 'TYPE_STRING', dims: [1] }],
  output: [{ name: 'logits', data_type: 'TYPE_FP32', dims: [3], label_filename: 'labels.txt' }],
};
export const regressor: ModelConfig = {
  max_batch_size: 8,
  input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [2] }],
  output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [1] }],
};
export const labels = ['positive', 'negative', 'neutral'];

export type Answer = (request: InferenceRequest) => Tensor[] | Promise<Tensor[]>;

/** A server with one model, which answers as told; classification rows are made of `labels`. */
export function client(
  config: ModelConfig,
  answer: Answer,
  told: readonly string[] | undefined = labels,
): InferenceClient {
  const metadata = { name: 'm', versions: ['3', '12'], platform: '', inputs: [], outputs: [] };
  const unknown = async (name: string) => {
    if (name !== 'm') throw new ConchError('SERVER_ERROR', 'unknown model', { status: 'NOT_FOUND' });
  };
  return {
    url: 'http://server:8000',
    isLive: async () => true,
    isReady: async () => true,
    isModelReady: async () => true,
    serverMetadata: async () => ({ name: 'fake', version: '0', extensions: [] }),
    modelMetadata: async (name) => unknown(name).then(() => metadata),
    modelConfig: async (name) => unknown(name).then(() => config),
    index: async () => [{ name: 'm' }, { name: 'other' }],
    statistics: async () => [],
    infer: async (request) => {
      request.signal?.throwIfAborted();
      const wanted = request.outputs?.[0];
      const rows = told?.map((label, index) => `${index}.0:${index}:${label}`).reverse() ?? ['1.0:0', '0.5:1', '0.1:2'];
      const outputs = wanted?.classification
        ? [{ name: wanted.name, datatype: 'BYTES' as const, shape: [1, rows.length], data: encodeBytes(rows) }]
        : await answer(request);
      return { model: 'm', version: '12', outputs };
    },
    close: async () => {},
  };
}

/** Logits that a text spells out: "1 2 3" gives [1, 2, 3]. */
export const spelt: Answer = ({ inputs }) => {
  const [text] = decodeStrings(inputs[0]!.data as Uint8Array);
  const values = text!.split(' ').map(Number);
  return [fp32('logits', [1, values.length], values)];
};
