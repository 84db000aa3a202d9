import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { GateReport } from './gate.ts';

/**
 * Puts a version that missed its limits out of the way, with the report of why, and says where. Triton takes every folder
 * in a repository for a model, hidden or not, so the place is beside it: `.<repository>.rejected/<model>/<version>`. A
 * version rejected before is replaced.
 */
export async function keepRejected(
  repository: string,
  { name, version, dir }: { name: string; version: number; dir: string },
  report: GateReport,
): Promise<string> {
  const beside = join(dirname(repository), `.${basename(repository)}.rejected`, name, String(version));
  const place = await moveTo(dir, beside).catch(async () => {
    // Nothing can be put beside a repository that is a volume of its own: the report at least is kept.
    return mkdtemp(join(tmpdir(), `conch-rejected-${name}-`));
  });
  await writeFile(join(place, 'gate.json'), `${JSON.stringify(report, null, 2)}\n`);
  return place;
}

async function moveTo(from: string, to: string): Promise<string> {
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { recursive: true, force: true });
  await rename(from, to);
  return to;
}
