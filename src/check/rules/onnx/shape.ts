import { configFix } from '../../edits.ts';
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
    // What a batch_output deals out may have any shape in the graph.
    const scattered = new Set((model.config.batch_output ?? []).flatMap((one) => one.target_name ?? []));
    for (const match of matchesOf(model)) {
      const { tensor, info, path, label, where } = match;
      if (info.shape === undefined || !hasSoundDims(tensor) || isRagged(model, tensor)) continue;
      if (match.kind === 'output' && scattered.has(info.name)) continue;
      const fault = misfit(match, model.batches);
      if (fault === undefined) continue;
      const field = tensor.reshape ? 'reshape.shape' : 'dims';
      const wanted = withWildcards(info.shape).slice(Number(model.batches));
      const shapes = `${shownShape(backendDims(tensor), model.batches)}, in the ONNX model it is ${shownOnnxShape(info.shape, model.batches)}`;
      const [at, why] = fault;
      const isOneWay = wanted.length > 0 && !tensor.reshape && model.versions.length === 1;
      yield {
        path: at === undefined ? `${path}.${field}` : `${path}.${field}[${at}]`,
        message: `${label} is ${shapes}: ${at === undefined ? why : `${field}[${at}] ${why}`}${where}`,
        ...(isOneWay
          ? { fix: configFix(model, `set dims: [ ${wanted.join(', ')} ]`, { path: `${path}.dims`, value: wanted }) }
          : {}),
      };
    }
  },
};

/** The dimension that does not fit, if it is one, and why. */
function misfit({ tensor, info, kind }: Match, batches: boolean): [at: number | undefined, why: string] | undefined {
  const dims = backendDims(tensor);
  const graph = withWildcards(info.shape!);
  // A tensor without the batch dimension that it should have is reported as that.
  if (batches && graph[0] !== -1) return undefined;
  if (!batches && graph.length === 0) {
    return dims.every((one) => one === 1) ? undefined : [undefined, 'it is a scalar, so all dims must be 1'];
  }
  const own = graph.slice(Number(batches));
  if (own.length !== dims.length) {
    return [undefined, `the ranks are ${dims.length + Number(batches)} and ${graph.length}`];
  }
  const at = own.findIndex((one, index) => one !== dims[index] && (one !== -1 || kind === 'output'));
  if (at < 0) return undefined;
  return [at, own[at] === -1 ? 'is dynamic there and must be -1 in an output' : `must be ${own[at]}`];
}
