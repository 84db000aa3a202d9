import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../architectures/index.ts';
import type { CompiledModel } from '../compiled.ts';
import { askChild } from './child.ts';
import type { BuildFigures } from './report.ts';
import type { Step } from './variants.ts';

/** What the process that builds is told. */
export interface BuildOrder {
  /** Absolute folder of the checkpoint. */
  readonly checkpoint: string;
  /** Name of the target. */
  readonly target: string;
  readonly reduceRange: boolean;
  readonly layout: Layout;
  readonly step: Step;
  /** Folder of the files that it is made from. */
  readonly from?: string;
  /** Folder to write; made where it is not there. */
  readonly outDir: string;
}

export interface Built {
  /** Of conch's own. */
  readonly facts?: CompiledModel;
  readonly peakBytes?: number;
}

/** Builds a variant with conch or ONNX Runtime in a process of its own. */
export async function buildVariant(
  order: BuildOrder,
  signal?: AbortSignal,
): Promise<Built & { figures: BuildFigures }> {
  const from = performance.now();
  const built = await askChild<Built>('build-process', order, signal);
  return { ...built, figures: await buildFigures(order.outDir, from, built.peakBytes) };
}

/** What a step took that began at `from`, by `performance.now`. */
export async function buildFigures(dir: string, from: number, peakBytes?: number): Promise<BuildFigures> {
  const seconds = (performance.now() - from) / 1000;
  return { seconds, ...(peakBytes !== undefined && { peakBytes }), bytes: await sizeOf(dir) };
}

async function sizeOf(dir: string): Promise<number> {
  const files = await readdir(dir);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(dir, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
