import { backendDims, hasSoundDims } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { shownOnnxShape, shownShape, withWildcards } from '../../shapes.ts';
import { isRagged, type Match, matchesOf } from './signature.ts';

export const shape: ModelRule = {
  code: 'onnx/shape',
  severity: 'error',
  summary: 'Shapes have the rank and the fixed dimensions of the ONNX model.',
  why: 'The backend puts the batch dimension in front of `dims` (or of `reshape`) and compares with the graph: the rank must be equal and every fixed dimension of the graph must be written. Where the graph is dynamic, an input may be given any size; an output must be -1.',
  fix: 'Write the dims of the graph, without its first dimension when `max_batch_size` is above 0.',
  *check(model) {
    for (const match of matchesOf(model)) {
      const { tensor, info, path, label, where } = match;
      if (info.shape === undefined || !hasSoundDims(tensor) || isRagged(model, tensor)) continue;
      const why = misfit(match, model.batches);
      if (why === undefined) continue;
      const dims = backendDims(tensor);
      const graph = model.batches ? withWildcards(info.shape).slice(1) : withWildcards(info.shape);
      yield {
        path: tensor.reshape ? `${path}.reshape.shape` : `${path}.dims`,
        message: `${label} is ${shownShape(dims, model.batches)}, in the ONNX model it is ${shownOnnxShape(info.shape, model.batches)}: ${why}${where}`,
        ...(graph.length > 0 && !tensor.reshape ? { fix: `set dims: [ ${graph.join(', ')} ]` } : {}),
      };
    }
  },
};

function misfit({ tensor, info, kind }: Match, batches: boolean): string | undefined {
  const dims = backendDims(tensor);
  const graph = withWildcards(info.shape!);
  // A tensor without the batch dimension that it should have is reported as that.
  if (batches && (graph.length === 0 || graph[0] !== -1)) return undefined;
  const own = batches ? graph.slice(1) : graph;
  if (!batches && graph.length === 0)
    return dims.every((one) => one === 1) ? undefined : 'it is a scalar, so all dims must be 1';
  if (own.length !== dims.length) return `the ranks are ${dims.length + Number(batches)} and ${graph.length}`;
  const at = own.findIndex((one, index) => one !== dims[index] && (one !== -1 || kind === 'output'));
  if (at < 0) return undefined;
  return own[at] === -1 ? `the dynamic dimension ${at} must be -1 in an output` : `dimension ${at} is ${own[at]}`;
}
