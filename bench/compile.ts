/**
 * From a BERT-base checkpoint (110 M parameters, FP32) to ONNX: conch beside torch.onnx.export, each in processes of its
 * own, in one run. `node bench/compile.ts [--write]`; --write puts the table into docs/benchmarks.md. Linux only. The
 * Python with torch and transformers is CONCH_PYTHON's, else python/.venv's; without one its rows are left out.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { logitsOf, writeCheckpoint } from './bert-base.ts';
import { bareNode, megabytes, runJson } from './measure.ts';
import { table, writeSection } from './report.ts';

interface Peer {
  readonly name: string;
  /** Writes model.onnx into the folder and says how much memory its process took above a bare one, in bytes. */
  run(out: string): Promise<number>;
}

interface Result {
  readonly name: string;
  /** From starting the process to its end. */
  readonly seconds: number;
  readonly peakBytes: number;
  readonly outputBytes: number;
  readonly model: string;
}

const rounds = 3;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const python = process.env.CONCH_PYTHON ?? here('../python/.venv/bin/python');

function peers(checkpoint: string, pickled: readonly string[], bare: number): Peer[] {
  const conch = (name: string, source: string, ...options: string[]): Peer => ({
    name,
    async run(out) {
      return (await runJson(process.execPath, [here('compile-once.ts'), source, out, ...options])).peakBytes! - bare;
    },
  });
  const torch = (exporter: string): Peer => ({
    name: `torch.onnx.export (${exporter})`,
    async run(out) {
      const script = here('../python/torch_export.py');
      const model = join(out, 'model.onnx');
      return (await runJson(python, [script, checkpoint, model, '--exporter', exporter])).peakBytes!;
    },
  });
  const ours = [
    conch('conch compile', checkpoint),
    conch('conch compile, one file', checkpoint, String(Number.MAX_SAFE_INTEGER)),
    ...pickled.map((folder) => conch(`conch compile, from pytorch_model.bin (${basename(folder)})`, folder)),
  ];
  return existsSync(python) ? [...ours, torch('dynamo'), torch('torchscript')] : ours;
}

/** The checkpoint as torch.save writes it, in both formats; none without a Python that has torch. */
function pickledCheckpoints(checkpoint: string, work: string): string[] {
  if (!existsSync(python)) return [];
  return ['zip', 'stream'].map((form) => {
    const folder = join(work, form);
    execFileSync(python, [here('../python/pickled_checkpoint.py'), checkpoint, folder, form]);
    return folder;
  });
}

async function once(peer: Peer, work: string): Promise<Result> {
  const out = join(work, peer.name.replace(/\W+/g, '-'));
  await rm(out, { recursive: true, force: true });
  await mkdir(out);
  const started = performance.now();
  const peakBytes = await peer.run(out);
  const seconds = (performance.now() - started) / 1000;
  const sizes = await Promise.all((await readdir(out)).map(async (file) => (await stat(join(out, file))).size));
  const outputBytes = sizes.reduce((sum, size) => sum + size, 0);
  console.error(`${peer.name}: ${seconds.toFixed(2)} s, ${megabytes(peakBytes)} MB`);
  return { name: peer.name, seconds, peakBytes, outputBytes, model: join(out, 'model.onnx') };
}

/** Each peer's fastest round. The rounds take turns, so that a busy minute of the machine hits all alike. */
async function measure(all: readonly Peer[], work: string): Promise<{ results: Result[]; notes: string[] }> {
  const best = new Map<string, Result>();
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const peer of all.filter(({ name }) => !failed.has(name))) {
      try {
        const result = await once(peer, work);
        if (result.seconds < (best.get(peer.name)?.seconds ?? Number.POSITIVE_INFINITY)) best.set(peer.name, result);
      } catch (error) {
        if (peer === all[0]) throw error;
        failed.set(peer.name, `${peer.name} was not measured: ${String(error).split('\n').at(-1)!.slice(0, 160)}`);
      }
    }
  }
  return { results: [...best.values()], notes: [...failed.values()] };
}

async function describe(results: readonly Result[], notes: readonly string[]): Promise<string> {
  const ours = results[0]!;
  const reference = await logitsOf(ours.model);
  const rows = [['', 'time', 'ratio', 'peak memory', 'ratio', 'output', 'logits apart']];
  for (const result of results) {
    const logits = await logitsOf(result.model);
    const apart = Math.max(...logits.map((value, index) => Math.abs(value - reference[index]!)));
    rows.push([
      result.name,
      `${result.seconds.toFixed(2)} s`,
      (result.seconds / ours.seconds).toFixed(1),
      `${megabytes(result.peakBytes)} MB`,
      (result.peakBytes / ours.peakBytes).toFixed(1),
      `${megabytes(result.outputBytes)} MB`,
      apart === 0 ? '0' : apart.toExponential(1),
    ]);
  }
  const method =
    `BERT-base with random weights to FP32 ONNX: whole processes from start to end, best of ${rounds}; peak memory above ` +
    `that of a bare interpreter; logits of one padded batch against the first row's. Node ${process.version}, ` +
    `${availableParallelism()} cores.`;
  return [table(rows), '', method, ...notes].join('\n');
}

const work = await mkdtemp(join(tmpdir(), 'conch-bench-'));
try {
  const checkpoint = join(work, 'checkpoint');
  const { parameters, bytes } = await writeCheckpoint(checkpoint);
  console.error(`checkpoint: ${(parameters / 1e6).toFixed(1)} M parameters, ${megabytes(bytes)} MB`);
  const { results, notes } = await measure(
    peers(checkpoint, pickledCheckpoints(checkpoint, work), await bareNode()),
    work,
  );
  if (!existsSync(python)) notes.push('torch.onnx.export was not measured: CONCH_PYTHON names no Python with torch.');
  const report = await describe(results, notes);
  console.log(report);
  if (process.argv.includes('--write')) await writeSection('compile', 'Compiling BERT-base', report);
} finally {
  await rm(work, { recursive: true, force: true });
}
