/** Compiles one checkpoint in this process and prints its peak memory: `node compile-once.ts CHECKPOINT OUT [THRESHOLD]`. */
import { mkdir } from 'node:fs/promises';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import { compileEncoder } from '../src/compile/encoder.ts';
import { defaultTarget } from '../src/onnx/index.ts';
import { peakMemory } from './measure.ts';

const [dir, outDir, threshold] = process.argv.slice(2);
await mkdir(outDir!, { recursive: true });
await compileEncoder({
  checkpoint: await openCheckpoint(dir!),
  outDir: outDir!,
  target: defaultTarget,
  ...(threshold && { externalDataThreshold: Number(threshold) }),
});
console.log(JSON.stringify({ peakBytes: peakMemory() }));
