import { ConchError } from '../../base/index.ts';
import { elementCount } from '../../tensor/index.ts';
import type { Batch, BatchRequest } from '../backend.ts';
import type { BatchInputPlan, ScatterPlan } from './onnx-layout.ts';
import type { OnnxTensor } from './onnx-types.ts';

/**
 * The inputs that a plan makes for a batch, one for each of its names; what they hold is Triton's
 * (`backend_input_collector.cc`). Counts go by request, not by row: one of two rows and three elements counts 6.
 */
export function batchInputs(plan: BatchInputPlan, batch: Batch): OnnxTensor[] {
  const shapes = batch.requests.map((request) => shapeOf(request, plan.source));
  const { dims, values } = describe(plan.kind, shapes);
  const data = plan.datatype === 'FP32' ? Float32Array.from(values) : Int32Array.from(values);
  return plan.names.map((name) => ({ name, datatype: plan.datatype, dims, data }));
}

function describe(kind: BatchInputPlan['kind'], shapes: readonly (readonly number[])[]) {
  const counts = shapes.map(elementCount);
  switch (kind) {
    case 'BATCH_ELEMENT_COUNT':
      return vector(counts);
    case 'BATCH_ACCUMULATED_ELEMENT_COUNT':
      return vector(accumulated(counts));
    case 'BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO':
      return vector([0, ...accumulated(counts)]);
    case 'BATCH_MAX_ELEMENT_COUNT_AS_SHAPE':
      // Only its length tells something.
      return vector(new Array(counts.reduce((most, count) => Math.max(most, count), 0)).fill(0));
    case 'BATCH_ITEM_SHAPE': {
      const rows = itemShapes(shapes);
      return { dims: [rows.length, Math.max(0, (shapes[0]?.length ?? 1) - 1)], values: rows.flat() };
    }
    case 'BATCH_ITEM_SHAPE_FLATTEN':
      return vector(itemShapes(shapes).flat());
    default:
      throw new ConchError('INTERNAL', `a batch_input of kind ${kind} was not refused when the model was loaded`);
  }
}

/** Each row's own shape: the first dimension is taken for the batch. */
function itemShapes(shapes: readonly (readonly number[])[]): (readonly number[])[] {
  return shapes.flatMap(([rows = 0, ...shape]) => new Array<readonly number[]>(rows).fill(shape));
}

function accumulated(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((count) => {
    sum += count;
    return sum;
  });
}

function vector(values: readonly number[]) {
  return { dims: [values.length], values };
}

/**
 * BATCH_SCATTER_WITH_INPUT_SHAPE: the output's elements, whatever its shape, are dealt out request after request, each
 * getting as many as its own shape takes. What is left over belongs to nobody, as in Triton. Throws EXECUTION_FAILED when
 * there are too few.
 */
export function scatterShapes(
  output: OnnxTensor,
  plan: ScatterPlan,
  batch: Batch,
): { offset: number; shape: number[] }[] {
  let offset = 0;
  const shares = batch.requests.map((request) => {
    const source = shapeOf(request, plan.source);
    const shape = plan.shape.map((dim, index) => (dim === -1 ? source[index]! : dim));
    const share = { offset, shape };
    offset += elementCount(shape);
    return share;
  });
  if (offset <= output.data.length) return shares;
  throw new ConchError(
    'EXECUTION_FAILED',
    `output '${output.name}': the model returned ${output.data.length} elements, by the shapes of input '${plan.source}' the batch needs ${offset}`,
    { where: { path: output.name } },
  );
}

function shapeOf(request: BatchRequest, name: string): readonly number[] {
  const input = request.inputs.find((other) => other.name === name);
  if (input) return input.shape;
  throw new ConchError('EXECUTION_FAILED', `input '${name}' is missing, from which other inputs or outputs are made`);
}
