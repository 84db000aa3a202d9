import { link, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import { compileEncoder } from '../src/compile/encoder.ts';
import { defaultTarget } from '../src/onnx/index.ts';
import { writeCheckpoint } from './bert-base.ts';

/** A BERT-base as ONNX in `work`, compiled from random weights: its files, ready to be linked into repositories. */
export async function compileBert(work: string): Promise<string> {
  const checkpoint = join(work, 'checkpoint');
  const outDir = join(work, 'onnx');
  await writeCheckpoint(checkpoint);
  await mkdir(outDir, { recursive: true });
  await compileEncoder({ checkpoint: await openCheckpoint(checkpoint), outDir, target: defaultTarget });
  return outDir;
}

/** A repository with that model as `bert`; `more` goes into its config. */
export async function bertRepository(files: string, repository: string, more: string): Promise<string> {
  const version = join(repository, 'bert', '1');
  await mkdir(version, { recursive: true });
  for (const name of ['model.onnx', 'model.onnx.data']) await link(join(files, name), join(version, name));
  const input = (name: string) => `input { name: "${name}" data_type: TYPE_INT64 dims: [ -1 ] }`;
  const lines = [
    'backend: "onnxruntime"',
    'max_batch_size: 32',
    ...['input_ids', 'attention_mask', 'token_type_ids'].map(input),
    'output { name: "logits" data_type: TYPE_FP32 dims: [ 3 ] }',
    more,
  ];
  await writeFile(join(repository, 'bert', 'config.pbtxt'), `${lines.join('\n')}\n`);
  return repository;
}

/** `rows` texts of `length` tokens each, as the model's inputs. */
export function bertInputs(rows: number, length: number) {
  const tensor = (name: string, value: (index: number) => number) => ({
    name,
    datatype: 'INT64' as const,
    shape: [rows, length],
    data: BigInt64Array.from({ length: rows * length }, (_, index) => BigInt(value(index))),
  });
  return [
    tensor('input_ids', (index) => 1000 + ((index * 7919) % 20000)),
    tensor('attention_mask', () => 1),
    tensor('token_type_ids', () => 0),
  ];
}
