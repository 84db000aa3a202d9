import { type MachineTicks, machineTicks, shareOfOthers } from './machine-time.ts';
import { type GpuUsage, readGpus } from './nvidia-smi.ts';
import { readTree } from './process-tree.ts';

/** What a server used while it was measured. */
export interface ResourceUse {
  /** Of the server's process and all below it; absent where its pid is not known. */
  readonly processes?: number;
  /** Processors kept busy, in the mean. */
  readonly cpus?: number;
  /** Share of the machine's processors that neither the server nor the load generator had, but others, 0 to 1. */
  readonly others?: number;
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
  #first: { cpuSeconds: number; own: number; at: number; machine: MachineTicks | undefined } | undefined;
  #peak = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #gpuSeen = new Map<number, { peak: number; utilization: number[] }>();

  constructor(options: { readonly pid: number | undefined; readonly gpu: boolean }) {
    this.#pid = options.pid;
    this.#gpu = options.gpu;
  }

  async start(everyMs = 500): Promise<void> {
    const tree = this.#readTree();
    if (tree) {
      const { cpuSeconds } = tree;
      this.#first = { cpuSeconds, own: ownSeconds(), at: performance.now(), machine: machineTicks() };
    }
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
    const others = tree && this.#othersSince(tree.cpuSeconds);
    const gpus = await this.#readGpus();
    return {
      ...(tree && { processes: tree.processes, rssBytes: tree.rssBytes }),
      ...(tree && this.#first && seconds > 0 && { cpus: (tree.cpuSeconds - this.#first.cpuSeconds) / seconds }),
      ...(others !== undefined && { others }),
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

  #othersSince(cpuSeconds: number): number | undefined {
    const now = machineTicks();
    if (!now || !this.#first?.machine) return undefined;
    // An engine in this process is the server and the load generator at once.
    const own = this.#pid === process.pid ? 0 : ownSeconds() - this.#first.own;
    return shareOfOthers(this.#first.machine, now, cpuSeconds - this.#first.cpuSeconds + own);
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

/** Processor time of this process, its threads included. */
function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
