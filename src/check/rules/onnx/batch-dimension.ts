import type { OnnxTensorInfo } from '../../../onnx/index.ts';
import type { ModelRule } from '../../rule.ts';
import { shownOnnxShape } from '../../shapes.ts';
import type { ModelView, OnnxVersion } from '../../view.ts';
import { inVersion, isRagged } from './signature.ts';

export const batchDimension: ModelRule = {
  code: 'onnx/batch-dimension',
  severity: 'error',
  summary: 'A model with a `max_batch_size` above 0 has a dynamic first dimension on every tensor.',
  why: 'With `max_batch_size` above 0 Triton puts a batch dimension in front of every input and output, and runs batches of any size up to it. The ONNX graph must leave its first dimension open for that. A graph exported with a fixed batch of 1 cannot take 2.',
  fix: 'Export the model with a dynamic first dimension (`dynamic_axes` or `dynamic_shapes` in PyTorch), or set `max_batch_size: 0` and write the first dimension into `dims`.',
  *check(model) {
    if (!model.batches) return;
    for (const one of model.onnx) {
      for (const { name, shape } of concerned(model, one)) {
        if (shape === undefined || (shape.length > 0 && !isFixed(shape[0]))) continue;
        const is =
          shape.length === 0
            ? 'has no dimension at all'
            : `is ${shownOnnxShape(shape, true)}: its first dimension is fixed`;
        const at = pathOf(model, name);
        const dims = shape.length === 0 ? '[ 1 ]' : `[ ${shape.map((dim) => (isFixed(dim) ? dim : -1)).join(', ')} ]`;
        yield {
          path: at,
          message: `max_batch_size is ${model.maxBatchSize}, but '${name}' of the ONNX model ${is}${inVersion(model, one.version.folder)}`,
          fix: `export the model with a dynamic first dimension on '${name}', or set max_batch_size: 0 and dims: ${dims}`,
        };
      }
    }
  },
};

/** All inputs, and the outputs that the config declares: all of them when it declares none. */
function concerned(model: ModelView, { summary }: OnnxVersion): OnnxTensorInfo[] {
  const outputs = new Set((model.config.output ?? []).map((one) => one.name));
  const isServed = (name: string) => outputs.size === 0 || outputs.has(name);
  // What a batch_input makes has a shape of its own; ragged inputs have their own rule.
  const special = new Set<string | undefined>([
    ...(model.config.batch_input ?? []).flatMap((one) => one.target_name ?? []),
    ...(model.config.input ?? []).flatMap((one) => (isRagged(model, one) ? [one.name] : [])),
    ...(model.config.batch_output ?? []).flatMap((one) => one.target_name ?? []),
  ]);
  return [...summary.inputs, ...summary.outputs.filter((one) => isServed(one.name))].filter(
    (one) => !special.has(one.name),
  );
}

function pathOf(model: ModelView, name: string): string {
  for (const kind of ['input', 'output'] as const) {
    const index = (model.written[kind] ?? []).findIndex((one) => one.name === name);
    if (index >= 0) return `${kind}[${index}].dims`;
  }
  return 'max_batch_size';
}

function isFixed(dimension: number | string | undefined): boolean {
  return typeof dimension === 'number' && dimension >= 0;
}
