import { ConchError } from '../../base/index.ts';
import type { Layout } from '../architectures/index.ts';
import { type Precision, precisions } from '../lowering/lower.ts';

/** Who makes the files of a variant. */
export const makers = ['conch', 'onnxruntime', 'pytorch', 'modelopt'] as const;
export type Maker = (typeof makers)[number];

/** How a variant's files come about. */
export type Step =
  | { readonly kind: 'conch'; readonly precision: Precision }
  /** ONNX Runtime's own passes, written to a file. */
  | { readonly kind: 'onnxruntime'; readonly level: 'extended' | 'all' }
  /** The files of `from`, loaded in another way. */
  | { readonly kind: 'same' }
  /** python/compile/compare_build.py. */
  | { readonly kind: 'python'; readonly build: PythonBuild };

export type PythonBuild = 'torch-export' | 'torch-onnx-trace' | 'torchscript' | 'modelopt-int8' | 'modelopt-autocast';

/** One way to build a model. */
export interface Variant {
  /** `padded-fp32`, `onnxruntime-all`. */
  readonly id: string;
  readonly title: string;
  readonly maker: Maker;
  readonly layout: Layout;
  readonly format: 'onnx' | 'torchscript';
  readonly step: Step;
  /** The variant whose files it is made from; the checkpoint unless given. */
  readonly from?: string;
  /** Whether ONNX Runtime optimises while it loads the model, as it does by default. */
  readonly runtimePasses: boolean;
}

/** The variant that all are compared with: what the checkpoint says, in FP32. */
export const referenceId = 'padded-fp32';

const onnx = { layout: 'padded', format: 'onnx', runtimePasses: true } as const;

/** Static INT8 is calibrated on inputs, which a variant has none of, and is for TensorRT. */
const comparable = precisions.filter((precision) => precision !== 'int8-static');

function conch(layout: Layout, precision: Precision): Variant {
  const [id, title] = [`${layout}-${precision}`, `${layout} ${precision}`];
  return { ...onnx, id, title, maker: 'conch', layout, step: { kind: 'conch', precision } };
}

function optimised(level: 'extended' | 'all'): Variant {
  const id = `onnxruntime-${level}`;
  const title = `padded fp32, optimised offline (${level})`;
  return { ...onnx, id, title, maker: 'onnxruntime', from: referenceId, step: { kind: 'onnxruntime', level } };
}

function unoptimised(from: string, title: string, maker: Maker): Variant {
  const id = `${from}-no-runtime-passes`;
  return { ...onnx, id, title, maker, from, step: { kind: 'same' }, runtimePasses: false };
}

function python(build: PythonBuild, title: string): Variant {
  const modelopt = build.startsWith('modelopt');
  return {
    ...onnx,
    id: build,
    title,
    maker: modelopt ? 'modelopt' : 'pytorch',
    format: build === 'torchscript' ? 'torchscript' : 'onnx',
    step: { kind: 'python', build },
    ...(modelopt && { from: referenceId }),
  };
}

/** All that there are; what another is made from stands before it. */
export const variants: readonly Variant[] = [
  ...comparable.map((precision) => conch('padded', precision)),
  ...comparable.map((precision) => conch('packed', precision)),
  unoptimised(referenceId, 'padded fp32, loaded without passes', 'conch'),
  optimised('extended'),
  optimised('all'),
  python('torch-export', 'torch.onnx.export, dynamo'),
  unoptimised('torch-export', 'the same, loaded without passes', 'pytorch'),
  python('torch-onnx-trace', 'torch.onnx.export, TorchScript'),
  python('torchscript', 'TorchScript in PyTorch'),
  python('modelopt-int8', 'padded, int8 Q/DQ by quantize'),
  python('modelopt-autocast', 'padded, fp16 by AutoCast'),
];

/**
 * The variants that were asked for, by id or maker, with those that they are made from and compared with; all unless
 * `wanted`. Throws USAGE naming what there is not.
 */
export function planVariants(wanted?: readonly string[]): readonly Variant[] {
  if (wanted === undefined) return variants;
  const unknown = wanted.find((word) => !variants.some(({ id, maker }) => word === id || word === maker));
  if (unknown !== undefined) {
    throw new ConchError('USAGE', `no variant '${unknown}'; there are ${variants.map(({ id }) => id).join(', ')}`, {
      fix: `or name all of one maker: ${makers.join(', ')}`,
    });
  }
  const chosen = variants.filter(({ id, maker }) => wanted.includes(id) || wanted.includes(maker));
  const needed = new Set([referenceId, ...chosen.flatMap(({ id, from }) => [id, ...(from ? [from] : [])])]);
  return variants.filter(({ id }) => needed.has(id));
}
