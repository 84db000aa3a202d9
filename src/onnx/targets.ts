import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ConchError } from '../base/index.ts';

/** What a model is compiled for: the runtime versions in a Triton release, or those inside this package. */
export interface Target {
  /** `triton:26.07`, or `embedded` for the ONNX Runtime in node_modules. */
  readonly name: string;
  /** Triton's release, e.g. `26.07`; undefined for `embedded`. */
  readonly release: string | undefined;
  /** Version of Triton's core, e.g. `2.71.0`. */
  readonly server: string | undefined;
  readonly onnxruntime: string;
  /** Major and minor version, e.g. `13.3`. */
  readonly cuda: string | undefined;
  /** Undefined where no published source was found. */
  readonly tensorrt: string | undefined;
  /** Python that Triton's Python backend runs, e.g. `3.12`. */
  readonly python: string | undefined;
  /** Newest ai.onnx opset that this ONNX Runtime supports without reservations. */
  readonly opset: number;
  /** Newest ONNX IR version that it loads. */
  readonly irVersion: number;
}

/**
 * Triton releases, newest first: release, server version, ONNX Runtime, CUDA, TensorRT, Python.
 * Sources: server version and ONNX Runtime from TRITON_VERSION and build.py on each release branch of
 * triton-inference-server/server; CUDA and Python from its docs/introduction/compatibility.md (vLLM containers, which
 * share the base image) and NVIDIA's Triton release notes; TensorRT from NVIDIA's container release notes, left out
 * where those were not at hand (the TensorRT-LLM containers, which the same page lists, carry another version).
 */
const releases = [
  ['26.08', '2.72.0', '1.28.0', '13.4', undefined, '3.12'],
  ['26.07', '2.71.0', '1.27.0', '13.3', undefined, '3.12'],
  ['26.06', '2.70.0', '1.24.4', '13.3', undefined, '3.12'],
  ['26.05', '2.69.0', '1.24.4', '13.2', undefined, '3.12'],
  ['26.04', '2.68.0', '1.24.4', '13.2', undefined, '3.12'],
  ['26.03', '2.67.0', '1.24.2', '13.2', '10.16.0', '3.12'],
  ['26.02', '2.66.0', '1.24.1', '13.1', undefined, '3.12'],
  ['26.01', '2.65.0', '1.23.2', '13.1', undefined, '3.12'],
  ['25.12', '2.64.0', '1.23.2', '13.1', undefined, '3.12'],
  ['25.11', '2.63.0', '1.23.2', '13.0', undefined, '3.12'],
  ['25.10', '2.62.0', '1.23.1', '13.0', undefined, '3.12'],
  ['25.09', '2.61.0', '1.23.0', '13.0', undefined, '3.12'],
  ['25.08', '2.60.0', '1.23.0', '13.0', undefined, '3.12'],
  ['25.07', '2.59.1', '1.22.0', '12.9', undefined, '3.12'],
  ['25.06', '2.59.0', '1.22.0', '12.9', undefined, '3.12'],
  ['25.05', '2.58.0', '1.22.0', '12.9', undefined, '3.12'],
  ['25.04', '2.57.0', '1.21.0', '12.9', undefined, '3.12'],
  ['25.03', '2.56.0', '1.21.0', '12.8', undefined, '3.12'],
  ['25.02', '2.55.0', '1.20.1', '12.8', undefined, '3.12'],
  ['25.01', '2.54.0', '1.20.1', '12.8', undefined, '3.12'],
  ['24.12', '2.53.0', '1.20.1', '12.6', undefined, '3.12'],
  ['24.11', '2.52.0', '1.19.2', '12.6', undefined, '3.12'],
  ['24.10', '2.51.0', '1.19.2', '12.6', undefined, '3.10'],
  ['24.09', '2.50.0', '1.19.2', '12.6', undefined, '3.10'],
  ['24.08', '2.49.0', '1.19.0', '12.6', undefined, '3.10'],
  ['24.07', '2.48.0', '1.18.1', '12.5', undefined, '3.10'],
  ['24.06', '2.47.0', '1.18.0', '12.5', undefined, '3.10'],
  ['24.05', '2.46.0', '1.18.0', '12.4', undefined, '3.10'],
  ['24.04', '2.45.0', '1.17.3', '12.4', undefined, '3.10'],
  ['24.03', '2.44.0', '1.17.2', '12.4', undefined, '3.10'],
  ['24.02', '2.43.0', '1.16.3', '12.3', undefined, '3.10'],
  ['24.01', '2.42.0', '1.16.3', '12.3', undefined, '3.10'],
] as const;

/**
 * ONNX Runtime minor versions: newest opset supported without a warning or refusal, and newest IR version loaded.
 * Found by loading a one-node model of each opset and IR version in the PyPI wheels of 1.16.3, 1.17.3, 1.18.1, 1.19.2,
 * 1.20.1, 1.21.0, 1.22.0, 1.23.2, 1.24.4, 1.27.0, 1.28.0, and in onnxruntime-node for the embedded one; agrees with ONNX Runtime's
 * compatibility page where that page goes (to 1.20).
 */
const onnxruntimes: Readonly<Record<string, { opset: number; irVersion: number }>> = {
  '1.16': { opset: 19, irVersion: 9 },
  '1.17': { opset: 20, irVersion: 9 },
  '1.18': { opset: 21, irVersion: 10 },
  '1.19': { opset: 21, irVersion: 10 },
  '1.20': { opset: 21, irVersion: 10 },
  '1.21': { opset: 22, irVersion: 10 },
  '1.22': { opset: 22, irVersion: 10 },
  '1.23': { opset: 23, irVersion: 11 },
  '1.24': { opset: 25, irVersion: 13 },
  '1.27': { opset: 26, irVersion: 13 },
  '1.28': { opset: 26, irVersion: 13 },
  '1.30': { opset: 26, irVersion: 13 },
};

/** The Triton releases known, newest first. */
export const targets: readonly Target[] = releases.map(([release, server, onnxruntime, cuda, tensorrt, python]) => ({
  name: `triton:${release}`,
  release,
  server,
  onnxruntime,
  cuda,
  tensorrt,
  python,
  ...runtimeLimits(onnxruntime),
}));

/** The newest Triton release known. */
export const defaultTarget: Target = targets[0]!;

/**
 * The target called `name`: `triton:26.07` or `26.07`, `triton:latest`, or `embedded` for the ONNX Runtime that conch
 * itself runs. Throws USAGE listing the known ones.
 */
export function findTarget(name: string): Target {
  const release = name.replace(/^triton:/, '');
  if (release === 'latest') return defaultTarget;
  if (name === 'embedded') return embeddedTarget();
  const found = targets.find((target) => target.release === release);
  if (found) return found;
  throw new ConchError('USAGE', `unknown target '${name}'`, {
    fix: `use embedded, triton:latest or one of ${targets.map((target) => target.name).join(', ')}`,
  });
}

function embeddedTarget(): Target {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const manifest = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8')) as { version: string };
  const limits = runtimeLimits(manifest.version);
  return {
    name: 'embedded',
    release: undefined,
    server: undefined,
    onnxruntime: manifest.version,
    cuda: undefined,
    tensorrt: undefined,
    python: undefined,
    ...limits,
  };
}

/** Limits of the newest listed minor version that is not newer than `version`. */
function runtimeLimits(version: string): { opset: number; irVersion: number } {
  const minor = Number(version.split('.')[1]);
  const known = Object.entries(onnxruntimes).filter(([key]) => Number(key.split('.')[1]) <= minor);
  return known.at(-1)![1];
}

/** The IR version that a model of ai.onnx `opset` belongs to, by ONNX's own version table (docs/Versioning.md). */
export function irVersionOf(opset: number): number {
  const first: readonly [opset: number, irVersion: number][] = [
    [25, 13],
    [24, 12],
    [23, 11],
    [21, 10],
    [19, 9],
    [15, 8],
    [12, 7],
    [11, 6],
    [10, 5],
    [9, 4],
  ];
  return first.find(([from]) => opset >= from)?.[1] ?? 3;
}
