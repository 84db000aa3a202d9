import { execFile } from 'node:child_process';

/** A GPU as nvidia-smi tells it. */
export interface GpuUsage {
  readonly index: number;
  readonly name: string;
  readonly usedBytes: number;
  readonly totalBytes: number;
  /** 0 to 1; undefined where the driver does not tell it (MIG). */
  readonly utilization: number | undefined;
}

/** GPU memory that a process holds. */
export interface GpuProcess {
  readonly pid: number;
  readonly gpu: string;
  /** Undefined where the driver does not tell it, as it does under MIG and WSL. */
  readonly usedBytes: number | undefined;
}

const mebibyte = 1024 * 1024;

/** What is asked of nvidia-smi; its parsing below knows these columns. */
export const gpuQuery = [
  '--query-gpu=index,name,memory.used,memory.total,utilization.gpu',
  '--format=csv,noheader,nounits',
] as const;
export const gpuProcessQuery = [
  '--query-compute-apps=pid,gpu_uuid,used_memory',
  '--format=csv,noheader,nounits',
] as const;

/** Lines of `gpuQuery`: `0, NVIDIA H100 80GB HBM3, 4512, 81559, 17`; memory in MiB. */
export function parseGpus(text: string): GpuUsage[] {
  return rows(text).flatMap((cells) => {
    if (cells.length < 5) return [];
    const [index, used, total] = [cells[0], cells.at(-3), cells.at(-2)].map(numberIn);
    if (index === undefined || used === undefined || total === undefined) return [];
    const utilization = numberIn(cells.at(-1));
    return [
      {
        index,
        // A name may hold a comma.
        name: cells.slice(1, -3).join(', '),
        usedBytes: used * mebibyte,
        totalBytes: total * mebibyte,
        utilization: utilization === undefined ? undefined : utilization / 100,
      },
    ];
  });
}

/** Lines of `gpuProcessQuery`: `12345, GPU-2e1f..., 4502`. */
export function parseGpuProcesses(text: string): GpuProcess[] {
  return rows(text).flatMap(([pid, gpu, used]) => {
    const number = numberIn(pid);
    if (number === undefined || gpu === undefined) return [];
    const bytes = numberIn(used);
    return [{ pid: number, gpu, usedBytes: bytes === undefined ? undefined : bytes * mebibyte }];
  });
}

/** All GPUs now; undefined where there is no nvidia-smi, or it fails, as it does without a driver. */
export async function readGpus(command = 'nvidia-smi'): Promise<GpuUsage[] | undefined> {
  const text = await output(command, gpuQuery);
  const gpus = text === undefined ? [] : parseGpus(text);
  return gpus.length > 0 ? gpus : undefined;
}

export async function readGpuProcesses(command = 'nvidia-smi'): Promise<GpuProcess[] | undefined> {
  const text = await output(command, gpuProcessQuery);
  return text === undefined ? undefined : parseGpuProcesses(text);
}

function rows(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length > 1);
}

/** `[N/A]`, `[Not Supported]` and `[Insufficient Permissions]` are none. */
function numberIn(cell: string | undefined): number | undefined {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : undefined;
}

function output(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: 10_000 }, (error, stdout) => resolve(error ? undefined : stdout));
  });
}
