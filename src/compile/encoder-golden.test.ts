import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../checkpoint/index.ts';
import { findTarget } from '../onnx/index.ts';
import { compileEncoder } from './encoder.ts';

// Random checkpoints of every architecture and task with PyTorch's answers, by python/tiny_encoders.py.
const folder = join(import.meta.dirname, '../../test/golden/encoders');
const names = (await readdir(folder)).sort();
const tolerance = 2e-5;

type Rows = number[][];
interface Batch {
  inputs: Record<string, Rows>;
  outputs: Record<string, Nested>;
}
type Nested = number | Nested[];

let outDir: string;
beforeEach(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'conch-golden-'));
});
afterEach(() => rm(outDir, { recursive: true, force: true }));

async function batchesOf(name: string): Promise<Batch[]> {
  const lines = (await readFile(join(folder, name, 'batches.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Batch);
}

const integers = (values: readonly number[], shape: readonly number[]) =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), shape);

function padded({ inputs }: Batch): Record<string, Tensor> {
  const size = [inputs.input_ids!.length, inputs.input_ids![0]!.length];
  return Object.fromEntries(Object.entries(inputs).map(([name, rows]) => [name, integers(rows.flat(), size)]));
}

/** One run of all texts: as they are, padding included, or cut to their own lengths. */
function packed({ inputs }: Batch, cut: boolean): Record<string, Tensor> {
  const lengths = inputs.attention_mask!.map((row) => (cut ? row.filter(Boolean).length : row.length));
  const run = (rows: Rows) => rows.flatMap((row, text) => row.slice(0, lengths[text]));
  const feeds = Object.entries(inputs).map(([name, rows]) => {
    const values = run(rows);
    return [name, integers(values, [values.length])] as const;
  });
  return {
    ...Object.fromEntries(feeds),
    text_lengths: new Tensor('int32', Int32Array.from(lengths), [lengths.length]),
  };
}

/** Expected values of a batch as they stand in an output, leaving out what is beyond a text's end. */
function* pairs({ inputs, outputs }: Batch, got: Record<string, Tensor>, cut: boolean): Generator<[number, number]> {
  for (const [name, expected] of Object.entries(outputs)) {
    const data = got[name]!.data as Float32Array;
    const mask = inputs.attention_mask!;
    let at = 0;
    for (const [text, rows] of (expected as Nested[][]).entries()) {
      if (!Array.isArray(rows[0])) {
        for (const value of rows as number[]) yield [value, data[at++]!];
        continue;
      }
      for (const [place, row] of (rows as number[][]).entries()) {
        if (!mask[text]![place]) {
          if (!cut) at += row.length;
          continue;
        }
        for (const value of row) yield [value, data[at++]!];
      }
    }
    expect(at).toBe(data.length);
  }
}

describe.each(names)('%s', (name) => {
  test.each(['embedded', 'triton:24.01'])('gives the outputs of PyTorch for %s, padded and packed', async (target) => {
    const checkpoint = await openCheckpoint(join(folder, name));
    const errors: Record<string, number> = {};
    for (const layout of ['padded', 'packed'] as const) {
      const compiled = await compileEncoder({ checkpoint, outDir, target: findTarget(target), layout });
      expect(compiled.layout).toBe(layout);
      const session = await InferenceSession.create(join(outDir, 'model.onnx'));
      for (const batch of await batchesOf(name)) {
        const ways = layout === 'padded' ? [padded(batch)] : [packed(batch, false), packed(batch, true)];
        for (const [index, feeds] of ways.entries()) {
          const got = (await session.run(feeds)) as Record<string, Tensor>;
          for (const [expected, value] of pairs(batch, got, index === 1)) {
            errors[layout] = Math.max(errors[layout] ?? 0, Math.abs(expected - value));
            if (Number.isNaN(value)) errors[layout] = Number.POSITIVE_INFINITY;
          }
        }
      }
      await session.release();
    }
    if (process.env.CONCH_SHOW_ERRORS) console.log(name, target, JSON.stringify(errors));
    expect(Math.max(...Object.values(errors))).toBeLessThan(tolerance);
  });
});

test('the folders are those that the tests know', () => {
  for (const name of names) expect(existsSync(join(folder, name, 'config.json'))).toBe(true);
});

test.each(['bert-token-classification', 'xlm-roberta', 'modernbert-token-classification', 'deberta-v2-own-keys'])(
  '%s, padded at the left: packed gives the tokens what padded gives them',
  async (name) => {
    const checkpoint = await openCheckpoint(join(folder, name));
    const rows = [[7, 8, 9, 10, 11, 12], [13, 14, 15], [16]];
    const padId = Number(checkpoint.config.pad_token_id ?? 0);
    const fill = (values: (row: number[]) => number[], pad = 0) =>
      rows.map((row) => [...new Array(6 - row.length).fill(pad), ...values(row)]);
    const outputs = { padded: [] as number[], packed: [] as number[] };
    for (const layout of ['padded', 'packed'] as const) {
      const { inputs } = await compileEncoder({ checkpoint, outDir, target: findTarget('embedded'), layout });
      const sent: Record<string, Rows> = {
        input_ids: fill((row) => row, padId),
        attention_mask: fill((row) => row.map(() => 1)),
      };
      if (inputs.some((input) => input.name === 'token_type_ids'))
        sent.token_type_ids = fill((row) => row.map(() => 1));
      const session = await InferenceSession.create(join(outDir, 'model.onnx'));
      const batch = { inputs: sent, outputs: {} };
      const { logits } = await session.run(layout === 'padded' ? padded(batch) : packed(batch, false));
      await session.release();
      const data = Array.from(logits!.data as Float32Array);
      const labels = data.length / 18;
      outputs[layout] = data.filter((_, index) => sent.attention_mask!.flat()[Math.floor(index / labels)]);
    }
    expect(outputs.packed.length).toBe(10 * 4);
    expect(Math.max(...outputs.packed.map((value, index) => Math.abs(value - outputs.padded[index]!)))).toBeLessThan(
      1e-5,
    );
  },
);
