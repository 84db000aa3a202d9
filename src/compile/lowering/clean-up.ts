import type { OnnxModel, OnnxNode } from '../../onnx/index.ts';
import { captures, Editing, intOf, uses } from './editing.ts';
import { inferElementTypes } from './element-types.ts';
import { foldShapes } from './fold-shapes.ts';

/** What clean-up took away. */
export interface CleanedUp {
  readonly nodes: number;
  readonly weights: number;
}

/**
 * Takes away what computes nothing: nodes that nothing uses, Identity, Dropout as it is when serving, Casts to the type that
 * a value has, sums of constant shapes, and weights that nothing uses. Outputs keep their names.
 */
export async function cleanUp(model: OnnxModel): Promise<CleanedUp> {
  const before = { nodes: model.nodes.length, weights: model.weights.size };
  skipIdle(model);
  await foldShapes(model);
  dropUnusedNodes(model);
  new Editing(model).dropUnused();
  return { nodes: before.nodes - model.nodes.length, weights: before.weights - model.weights.size };
}

/** Whoever takes the output of an idle node takes its input; where that is an output of the graph, the node stays. */
function skipIdle(model: OnnxModel): void {
  const types = inferElementTypes(model);
  const kept = new Set([...model.outputs.map(({ name }) => name), ...model.nodes.flatMap(captures)]);
  const count = uses(model);
  const instead = new Map<string, string>();
  model.nodes = model.nodes.flatMap((given): OnnxNode[] => {
    const node = { ...given, inputs: given.inputs.map((name) => instead.get(name) ?? name) };
    const [input = ''] = node.inputs;
    const idle =
      node.domain === '' &&
      (node.type === 'Identity' ||
        (node.type === 'Dropout' && !node.inputs[2] && !(count.get(node.outputs[1] ?? '') ?? 0)) ||
        (node.type === 'Cast' && types.get(input) !== undefined && types.get(input) === intOf(node, 'to', -1)));
    if (!idle || node.outputs.some((name) => kept.has(name))) return [node];
    instead.set(node.outputs[0]!, input);
    return [];
  });
}

function dropUnusedNodes(model: OnnxModel): void {
  const used = new Set(model.outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of model.nodes.toReversed()) {
    if (!node.outputs.some((name) => used.has(name))) continue;
    kept.push(node);
    for (const name of [...node.inputs, ...captures(node)]) if (name !== '') used.add(name);
  }
  model.nodes = kept.reverse();
}
