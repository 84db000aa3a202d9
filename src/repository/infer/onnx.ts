import type { ModelConfig } from '../../config/index.ts';
import type { OnnxSummary, OnnxTensorInfo } from '../../onnx/index.ts';

/** Tensors that a sentence lists. */
const most = 8;

/** Why the batch size of an ONNX model came out as it did, and where Triton's reasoning may be wrong. One sentence each. */
export function explainBatching(onnx: OnnxSummary, written: ModelConfig, completed: ModelConfig): string[] {
  const tensors = [...onnx.inputs, ...onnx.outputs];
  const fixed = tensors.find((tensor) => !isBatchable(tensor));
  const size = completed.max_batch_size ?? 0;
  if (fixed !== undefined) {
    const { name, shape } = fixed;
    const why =
      shape === undefined ? 'no known shape' : shape.length === 0 ? 'no dimensions' : 'a fixed first dimension';
    return [
      `${name} ${shown(shape)} has ${why}, so that Triton forms no batches: max_batch_size is 0, dims are whole shapes`,
    ];
  }
  if (size === 0) return ['max_batch_size is 0 as asked for: dims are whole shapes, and Triton forms no batches'];
  const shapes = tensors.map(({ name, shape }) => `${name} ${shown(shape)}`);
  const all = shapes.length > most ? [...shapes.slice(0, most), `${shapes.length - most} more`] : shapes;
  const chosen = written.max_batch_size ? '' : ', the default of the server';
  const notes = [
    `every input and output begins with a dynamic dimension (${all.join(', ')}), which is taken for the batch: max_batch_size is ${size}${chosen}, and dims leave that dimension out`,
  ];
  const names = [...new Set(tensors.map(({ shape }) => shape?.[0]).filter((one) => typeof one === 'string'))];
  if (names.length > 1)
    notes.push(
      `those first dimensions have different names (${names.join(', ')}): if they are not one batch, use --max-batch-size 0`,
    );
  return notes;
}

function isBatchable({ shape }: OnnxTensorInfo): boolean {
  return shape !== undefined && shape.length > 0 && !(typeof shape[0] === 'number' && shape[0] >= 0);
}

function shown(shape: OnnxTensorInfo['shape']): string {
  if (shape === undefined) return '[?]';
  return `[${shape.map((one) => (one === undefined || Number(one) < 0 ? '?' : one)).join(', ')}]`;
}
