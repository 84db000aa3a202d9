import { type GpuUsage, readGpus } from './nvidia-smi.ts';
import { readTree } from './process-tree.ts';

/** What a server used while it was measured. */
export interface ResourceUse {
  /** Of the server's process and all below it; absent where its pid is not known. */
  readonly processes?: number;
  /** Processors kept busy, in the mean. */
  readonly cpus?: number;
  /** Proportional set size at the end and the highest seen, bytes. */
  readonly pssBytes?: number;
  readonly peakPssBytes?: number;
  readonly rssBytes?: number;
  /** Of each GPU: memory in use on it at the end and the highest seen, by whichever process. */
  readonly gpus?: readonly (GpuUsage & { readonly peakBytes: number; readonly meanUtilization: number | undefined })[];
}

/** Reads the usage of a process tree and of the GPUs from time to time, from `start` to `stop`. */
export class ResourceWatch {
  readonly #pid: number | undefined;
  readonly #gpu: boolean;
  #first: { cpuSeconds: number; at: number } | undefined;
  #peak = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #gpuSeen = new Map<number, { peak: number; utilization: number[] }>();

  constructor(options: { readonly pid: number | undefined; readonly gpu: boolean }) {
    this.#pid = options.pid;
    this.#gpu = options.gpu;
  }

  async start(everyMs = 500): Promise<void> {
    const tree = this.#readTree();
    if (tree) this.#first = { cpuSeconds: tree.cpuSeconds, at: performance.now() };
    await this.#readGpus();
    this.#timer = setInterval(() => {
      this.#readTree();
      void this.#readGpus();
    }, everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<ResourceUse> {
    clearInterval(this.#timer);
    const tree = this.#readTree();
    const seconds = this.#first ? (performance.now() - this.#first.at) / 1000 : 0;
    const gpus = await this.#readGpus();
    return {
      ...(tree && { processes: tree.processes, rssBytes: tree.rssBytes }),
      ...(tree && this.#first && seconds > 0 && { cpus: (tree.cpuSeconds - this.#first.cpuSeconds) / seconds }),
      ...(tree?.pssBytes !== undefined && { pssBytes: tree.pssBytes, peakPssBytes: this.#peak }),
      ...(gpus && {
        gpus: gpus.map((gpu) => {
          const { peak, utilization } = this.#gpuSeen.get(gpu.index)!;
          const mean =
            utilization.length > 0 ? utilization.reduce((sum, one) => sum + one, 0) / utilization.length : undefined;
          return { ...gpu, peakBytes: peak, meanUtilization: mean };
        }),
      }),
    };
  }

  #readTree() {
    const tree = this.#pid === undefined ? undefined : readTree(this.#pid);
    this.#peak = Math.max(this.#peak, tree?.pssBytes ?? 0);
    return tree;
  }

  async #readGpus(): Promise<GpuUsage[] | undefined> {
    const gpus = this.#gpu ? await readGpus() : undefined;
    for (const { index, usedBytes, utilization } of gpus ?? []) {
      const seen = this.#gpuSeen.get(index) ?? { peak: 0, utilization: [] };
      seen.peak = Math.max(seen.peak, usedBytes);
      if (utilization !== undefined) seen.utilization.push(utilization);
      this.#gpuSeen.set(index, seen);
    }
    return gpus;
  }
}
