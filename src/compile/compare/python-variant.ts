import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError, cacheDirectory, compileScript } from '../../base/index.ts';
import type { GateTensor, Sample } from '../gate/sample.ts';
import { runLogged } from '../python/process.ts';
import { buildFigures } from './build.ts';
import type { BuildFigures, SpeedFigures } from './report.ts';
import { leastMilliseconds, type TimingOrder, warmUps } from './timing.ts';
import type { PythonBuild } from './variants.ts';

const buildTimeoutMs = 30 * 60_000;

/** What python/compile/compare_build.py is told. */
export interface PythonOrder {
  readonly id: string;
  readonly command: string;
  readonly build: PythonBuild;
  readonly checkpoint: string;
  /** Of transformers. */
  readonly className: string;
  /** Folder of sentence-transformers, in place of the class. */
  readonly sentence?: string;
  /** The FP32 file that ModelOpt starts from. */
  readonly onnx: string | undefined;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly longest: number;
  /** For calibration. */
  readonly samples: readonly Sample[];
  readonly outDir: string;
}

/** Builds a variant in Python; what goes wrong there is a COMPILE_FAILED with the log's place. */
export async function buildInPython(order: PythonOrder, signal?: AbortSignal): Promise<BuildFigures> {
  const { id, command, build, checkpoint, className, sentence, onnx, inputs, output, longest, outDir } = order;
  await mkdir(outDir, { recursive: true });
  const from = performance.now();
  const [last] = (
    await runScript<{ peakBytes?: number }>(
      'compare_build.py',
      {
        ...{ build, checkpoint, class: className, sentence, onnx, inputs, output, longest, out: outDir },
        samples: order.samples.map(asJson),
      },
      { id, command, place: outDir, signal },
    )
  ).slice(-1);
  return buildFigures(outDir, from, last?.peakBytes);
}

/** What a TorchScript file answers, sample by sample. */
export async function answersOfTorchScript(
  order: { id: string; command: string; path: string; inputs: readonly string[]; threads: number; place: string },
  samples: readonly Sample[],
  signal?: AbortSignal,
): Promise<(readonly GateTensor[])[]> {
  const { path, inputs, threads } = order;
  const rows = await runScript<{ dims: number[]; data: (number | null)[] }>(
    'compare_torchscript.py',
    { path, inputs, threads, samples: samples.map(asJson) },
    { ...order, signal },
  );
  return rows.map(({ dims, data }): GateTensor[] => [
    { name: 'output', datatype: 'FP32', dims, data: Float32Array.from(data, (value) => value ?? Number.NaN) },
  ]);
}

/** One round of a TorchScript file. */
export async function timeTorchScript(
  order: { id: string; command: string; inputs: readonly string[]; place: string },
  { path, threads, alone, batches, count }: TimingOrder,
  signal?: AbortSignal,
): Promise<SpeedFigures> {
  const [figures] = await runScript<SpeedFigures>(
    'compare_torchscript.py',
    {
      ...{ path, threads, inputs: order.inputs, count, warmUps, leastMilliseconds },
      alone: alone.map(asJson),
      batches: batches.map(asJson),
    },
    { ...order, signal },
  );
  return figures!;
}

const asJson = ({ inputs }: Sample) =>
  inputs.map(({ name, datatype, dims, data }) => ({ name, datatype, dims, data: Array.from(data, Number) }));

/** Runs a script with its order in a file outside of what is measured; its lines of JSON. */
async function runScript<Line extends object>(
  script: string,
  order: object,
  run: { id: string; command: string; place: string; signal: AbortSignal | undefined },
): Promise<Line[]> {
  const { id, command, place, signal } = run;
  const orderFile = `${place}.order.json`;
  const logFile = join(cacheDirectory(), 'logs', `compare-${id}.log`);
  await writeFile(orderFile, JSON.stringify(order));
  await rm(logFile, { force: true });
  const lines: (Line | { failed: string })[] = [];
  const ended = runLogged({
    command,
    args: [compileScript(script), orderFile],
    env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', CUDA_VISIBLE_DEVICES: '' },
    logFile,
    timeoutMs: buildTimeoutMs,
    signal,
    stdoutIsAnswer: true,
    onLine(line, stream) {
      if (stream === 'stdout') lines.push(JSON.parse(line) as Line);
    },
  });
  const { code, how, lastLines } = await ended.finally(() => rm(orderFile, { force: true }));
  const failed = lines.find((line) => 'failed' in line) as { failed: string } | undefined;
  if (code === 0 && failed === undefined && lines.length > 0) return lines as Line[];
  const words = failed?.failed ?? `Python ended with ${how}: ${lastLines.at(-1) ?? 'it said nothing'}`;
  throw new ConchError('COMPILE_FAILED', words, { fix: `see ${logFile}` });
}
