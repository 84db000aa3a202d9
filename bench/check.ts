import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckMemory, check } from '../src/check/index.ts';
import { defaultTarget } from '../src/onnx/index.ts';
import { openRepository, readModel } from '../src/repository/index.ts';
import { table, writeSection } from './report.ts';

// conch check over 1,000 models, 200 of them ensembles of four: reading the folder, judging it, and judging it again
// after one file changed, as --watch does. The limit it is shown against is reading the same files and nothing else.
const models = 800;
const ensembles = 200;
const root = await mkdtemp(join(tmpdir(), 'conch-bench-check-'));

const tensor = (side: string, name: string) =>
  `${side} [\n  {\n    name: "${name}"\n    data_type: TYPE_FP32\n    dims: [ 16 ]\n  }\n]`;

async function writeRepository(): Promise<void> {
  for (let index = 0; index < models; index++) {
    const dir = join(root, `model_${index}`);
    await mkdir(join(dir, '1'), { recursive: true });
    await writeFile(join(dir, '1/model.py'), 'class TritonPythonModel:\n    pass\n');
    await writeFile(
      join(dir, 'config.pbtxt'),
      `# model ${index}\nname: "model_${index}"\nbackend: "python"\nmax_batch_size: 8\n${tensor('input', 'x')}\n${tensor('output', 'y')}\ninstance_group [\n  {\n    count: 1\n    kind: KIND_CPU\n  }\n]\ndynamic_batching {\n  preferred_batch_size: [ 4, 8 ]\n  max_queue_delay_microseconds: 100\n}\nparameters {\n  key: "a"\n  value { string_value: "b" }\n}\n`,
    );
  }
  for (let index = 0; index < ensembles; index++) {
    const dir = join(root, `ensemble_${index}`);
    await mkdir(join(dir, '1'), { recursive: true });
    const steps = [0, 1, 2, 3].map((step) => {
      const from = step === 0 ? 'in' : `t${step}`;
      const to = step === 3 ? 'out' : `t${step + 1}`;
      return `    {\n      model_name: "model_${index * 4 + step}"\n      model_version: -1\n      input_map { key: "x" value: "${from}" }\n      output_map { key: "y" value: "${to}" }\n    }`;
    });
    await writeFile(
      join(dir, 'config.pbtxt'),
      `name: "ensemble_${index}"\nplatform: "ensemble"\nmax_batch_size: 8\n${tensor('input', 'in')}\n${tensor('output', 'out')}\nensemble_scheduling {\n  step [\n${steps.join(',\n')}\n  ]\n}\n`,
    );
  }
}

async function timed<T>(work: () => Promise<T> | T): Promise<[T, number]> {
  const from = performance.now();
  const result = await work();
  return [result, performance.now() - from];
}

await writeRepository();
const [repository, cold] = await timed(() => openRepository(root, { inspect: true }));
const memory = new CheckMemory();
const [found, first] = await timed(() => check(repository, defaultTarget, { memory }));
const again: number[] = [];
for (let round = 0; round < 9; round++) {
  const name = `model_${round}`;
  const at = repository.models.findIndex((model) => model.name === name);
  const [, ms] = await timed(async () => {
    repository.models[at] = await readModel(join(root, name), { inspect: true });
    return check(repository, defaultTarget, { memory });
  });
  again.push(ms);
}
const [, limit] = await timed(() => openRepository(root));
const row = (what: string, ms: number) => [what, `${ms.toFixed(0)} ms`, `${((cold + first) / ms).toFixed(1)}`];
const rows = [
  ['1,000 models, 200 of them ensembles', 'time', 'whole check / this'],
  row('read and check', cold + first),
  row('check alone, first run', first),
  row('one file changed: read it, check again, median of 9', again.sort((a, b) => a - b)[4]!),
  row('reading alone, warm', limit),
];
const text = `${table(rows)}\n\n${found.filter((one) => one.severity === 'error').length} errors found; ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, Node ${process.version}.`;
console.log(text);
if (process.argv.includes('--write')) await writeSection('check', 'Check', text);
await rm(root, { recursive: true, force: true });
