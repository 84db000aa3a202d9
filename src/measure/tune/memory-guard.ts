import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { ConchError, formatBytes } from '../../base/index.ts';
import { readGpus } from '../bench/nvidia-smi.ts';
import { kilobytesOf } from '../bench/process-tree.ts';

export interface MemoryGuardOptions {
  /** Bytes that must stay free. */
  readonly reserveBytes: number;
  /** Share of each GPU's memory that must stay free; 0: GPUs are not looked at. */
  readonly gpuReserve: number;
  readonly available?: () => number;
  readonly gpus?: typeof readGpus;
}

const everyMs = 200;

/** Bytes that processes can still have without swapping: Linux's MemAvailable, elsewhere what is free. */
export function availableMemory(): number {
  try {
    const known = kilobytesOf(readFileSync('/proc/meminfo', 'utf8'), 'MemAvailable');
    if (known !== undefined) return known;
  } catch {
    // Not Linux.
  }
  return freemem();
}

/** Looks at the machine's memory while a configuration is tried, and aborts its signal before there is none left. */
export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), everyMs);
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** One look; the signal's reason names what ran out. */
  async look(): Promise<void> {
    const { reserveBytes, gpuReserve, available = availableMemory, gpus = readGpus } = this.#options;
    const left = available();
    if (left < reserveBytes) {
      this.#stop(`only ${formatBytes(left)} of memory are left, ${formatBytes(reserveBytes)} must stay free`);
    }
    if (gpuReserve <= 0) return;
    for (const { index, usedBytes, totalBytes } of (await gpus()) ?? []) {
      if (usedBytes > (1 - gpuReserve) * totalBytes) {
        this.#stop(`GPU ${index} has ${formatBytes(totalBytes - usedBytes)} left of ${formatBytes(totalBytes)}`);
      }
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #stop(what: string): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(new OutOfMemory(what));
  }
}

/** Why a trial was broken off. */
export class OutOfMemory extends ConchError {
  constructor(what: string) {
    super('EXECUTION_FAILED', `stopped before memory ran out: ${what}`);
  }
}
