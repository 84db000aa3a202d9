/**
 * By Triton release: the NVIDIA driver that its image was built with (docs/introduction/compatibility.md of
 * triton-inference-server/server, vLLM containers, which share the base image). With that or a newer one everything
 * works; left out where no source was at hand.
 */
export const imageDrivers: Readonly<Record<string, string>> = {
  '26.07': '610.43.02',
  '26.06': '610.43.02',
  '26.05': '595.58.03',
  '26.04': '595.58.03',
  '26.03': '595.45.04',
  '26.02': '590.48.01',
  '26.01': '590.48.01',
  '25.12': '590.44.01',
  '25.11': '580.95.05',
  '25.10': '580.95.05',
  '25.09': '580.82.07',
  '25.08': '580.82.07',
  '25.07': '575.51.03',
  '25.06': '575.51.03',
  '25.05': '575.51.03',
  '25.04': '575.51.02',
  '25.03': '570.124.06',
  '25.02': '570.86.10',
  '25.01': '570.86.10',
  '24.12': '560.35.05',
  '24.11': '560.35.05',
  '24.10': '560.35.03',
  '24.09': '560.35.03',
  '24.08': '560.35.03',
  '24.07': '555.42.06',
  '24.06': '555.42.02',
  '24.05': '550.54.15',
};

/**
 * The oldest driver that a major version of CUDA runs on, for all its minor versions (NVIDIA's CUDA compatibility guide,
 * minor version compatibility).
 */
export const oldestDrivers: Readonly<Record<string, string>> = { '12': '525.60.13', '13': '580.65.06' };

/** The lowest compute capability that a major version of CUDA still has code for (release notes of CUDA 12.0 and 13.0). */
export const lowestCapabilities: Readonly<Record<string, number>> = { '12': 5, '13': 7.5 };

/**
 * The release that closed CVE-2025-23319, 23320 and 23334: with them a request to the Python backend, or to shared
 * memory, took over the server.
 */
export const firstSafeRelease = '25.07';

/** Negative where `one` is older than `other`; numbers between dots are compared as such. */
export function compareVersions(one: string, other: string): number {
  const [parts, others] = [one, other].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let index = 0; index < Math.max(parts.length, others.length); index++) {
    const difference = (parts[index] ?? 0) - (others[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
