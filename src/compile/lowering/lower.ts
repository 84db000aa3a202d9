import { ConchError } from '../../base/index.ts';
import type { OnnxModel, Target } from '../../onnx/index.ts';
import { fp16 } from './fp16.ts';
import { int8Dynamic } from './int8-dynamic.ts';
import { type Calibrate, int8Static } from './int8-static.ts';
import { int4WeightOnly, int8WeightOnly } from './weight-only.ts';

/** What a model computes in, see docs/precision.md. */
export const precisions = ['fp32', 'fp16', 'int8', 'int8-static', 'int8-weight-only', 'int4-weight-only'] as const;
export type Precision = (typeof precisions)[number];

export interface Lowering {
  readonly precision: Precision;
  /**
   * INT8 weights of 7 bits, for processors with AVX2 and no VNNI: there ONNX Runtime adds two products of UINT8 and INT8 in
   * 16 bits, which full weights can overflow.
   */
  readonly reduceRange?: boolean | undefined;
  /** For `int8-static`. */
  readonly calibrate?: Calibrate | undefined;
}

/**
 * Changes `model`, in FP32 until then, to `precision` and says in how many operators. Weights are converted while the
 * model is written. Throws NOT_SUPPORTED naming what `target` or the model does not allow.
 */
export async function lower(model: OnnxModel, lowering: Lowering, target: Target): Promise<number> {
  const { precision, reduceRange, calibrate } = lowering;
  const largest = reduceRange ? 63 : 127;
  switch (precision) {
    case 'fp32':
      return 0;
    case 'fp16':
      return fp16(model);
    case 'int8':
      return some(int8Dynamic(model, { largest }), precision);
    case 'int8-static':
      if (!calibrate) throw new ConchError('NOT_SUPPORTED', 'int8-static needs inputs to be calibrated on');
      return some(await int8Static(model, calibrate, { largest }), precision);
    case 'int8-weight-only':
      return some(int8WeightOnly(model), precision);
    case 'int4-weight-only':
      requireMatMulNBits(target);
      return some(int4WeightOnly(model), precision);
  }
}

function some(layers: number, precision: Precision): number {
  if (layers > 0) return layers;
  throw new ConchError('NOT_SUPPORTED', `${precision}: no MatMul or Gemm with constant FP32 weights to quantise`, {
    fix: "use precision 'fp32' or 'fp16'",
  });
}

/** MatMulNBits with INT8 accumulation on CPUs came with ONNX Runtime 1.17. */
function requireMatMulNBits({ name, onnxruntime }: Target): void {
  if (Number(onnxruntime.split('.')[1]) >= 17) return;
  throw new ConchError(
    'NOT_SUPPORTED',
    `int4-weight-only: ${name} has ONNX Runtime ${onnxruntime}, and MatMulNBits came with 1.17`,
    { fix: "use precision 'int8-weight-only', or a newer target" },
  );
}
