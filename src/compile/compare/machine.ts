import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import type { Machine } from './report.ts';

/** In the order in which they matter to matrix products in INT8 and FP16. */
const telling = ['amx_int8', 'avx512_vnni', 'avx_vnni', 'avx512f', 'avx2', 'asimddp', 'i8mm', 'asimdhp'];

/** The machine that measures, as far as the system tells. */
export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    instructions: instructionsIn(cpuInfo()),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()}`,
    load: loadavg()[0]!,
  };
}

/** Those of the telling instructions that /proc/cpuinfo lists. */
export function instructionsIn(info: string): string[] {
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(/\s+/));
  return telling.filter((name) => flags.has(name));
}

function cpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
