/** A GPU as nvidia-smi tells it. */
export interface Gpu {
  readonly index: number;
  readonly name: string;
  /** Of the kernel driver, e.g. `580.159.04`. */
  readonly driver: string;
  /** In MiB. */
  readonly memoryMiB: number;
  readonly freeMiB: number;
  /** CUDA compute capability, e.g. `9.0`; undefined with drivers that do not tell. */
  readonly computeCapability: string | undefined;
}

const fields = ['index', 'name', 'driver_version', 'memory.total', 'memory.free', 'compute_cap'] as const;

/** Arguments that make nvidia-smi print what `parseGpus` reads. */
export const gpuQuery = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'];

/** The GPUs in nvidia-smi's answer to `gpuQuery`, one a line. Lines that are none, such as warnings, are skipped. */
export function parseGpus(text: string): Gpu[] {
  return text.split('\n').flatMap((line) => {
    const parts = line.split(', ').map((part) => part.trim());
    // A product's name may hold a comma; the other fields do not.
    if (parts.length < fields.length || !/^\d+$/.test(parts[0]!)) return [];
    const [computeCapability, free, total, driver] = parts.slice(-4).reverse() as [string, string, string, string];
    return [
      {
        index: Number(parts[0]),
        name: parts.slice(1, -4).join(', '),
        driver,
        memoryMiB: number(total),
        freeMiB: number(free),
        computeCapability: /^\d+\.\d+$/.test(computeCapability) ? computeCapability : undefined,
      },
    ];
  });
}

/** `[N/A]` and `[Not Supported]`, as with memory that a GPU shares with the processor, count 0. */
function number(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
}
