import { ConchError } from '../../base/index.ts';
import { elementTypes, irVersionOf, type OnnxModel, type OnnxNode } from '../../onnx/index.ts';
import { captures, Editing, intOf } from './editing.ts';
import { inferElementTypes } from './element-types.ts';
import { changesOf } from './operator-versions.ts';

/** Older files are for runtimes of 2018; ONNX Runtime itself begins here. */
const oldest = 7;
const reductions = ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMean', 'ReduceMin'];

/** Attributes that became inputs: the operator, since when, and the attributes in the order of the inputs. */
const moved: readonly {
  readonly types: readonly string[];
  readonly since: number;
  readonly attributes: readonly string[];
}[] = [
  { types: ['Squeeze', 'Unsqueeze', 'ReduceSum'], since: 13, attributes: ['axes'] },
  { types: ['Split'], since: 13, attributes: ['split'] },
  { types: [...reductions, 'ReduceProd', 'ReduceSumSquare'], since: 18, attributes: ['axes'] },
  { types: ['Slice'], since: 10, attributes: ['starts', 'ends', 'axes'] },
  { types: ['Clip'], since: 11, attributes: ['min', 'max'] },
  { types: ['Pad'], since: 11, attributes: ['pads', 'value'] },
  { types: ['TopK'], since: 10, attributes: ['k'] },
];

/**
 * Operators that mean something else since a version, and when a node is not concerned. What is not listed changed only in
 * the types that it takes, or by attributes and inputs whose defaults keep the old meaning.
 */
const broken: readonly {
  readonly types: readonly string[];
  readonly since: number;
  readonly unless?: (node: OnnxNode) => boolean;
  readonly why: string;
}[] = [
  { types: ['BatchNormalization'], since: 9, unless: ({ attributes }) => !attributes.spatial, why: 'spatial is gone' },
  {
    types: ['BatchNormalization'],
    since: 14,
    unless: ({ outputs }) => outputs.length === 1,
    why: 'it has other outputs',
  },
  { types: ['Resize'], since: 11, why: 'it computes other coordinates' },
  { types: ['Upsample', 'Scatter'], since: 10, why: 'it is gone' },
  { types: ['Scan'], since: 9, why: 'it takes other inputs' },
  { types: ['DFT'], since: 20, unless: ({ attributes }) => !attributes.axis, why: 'axis is an input' },
  { types: ['GridSample'], since: 20, why: 'its modes have other names' },
  { types: ['GroupNormalization'], since: 21, why: 'its scale has another shape' },
];

/**
 * Rewrites `model` for another opset of ai.onnx. Upwards, attributes that became inputs are moved, and an operator that
 * means something else is refused; downwards, any operator that has changed in between is. Throws NOT_SUPPORTED naming the
 * node.
 */
export function changeOpset(model: OnnxModel, to: number): void {
  const from = model.opsets.get('')!;
  if (to === from) return;
  const refuse = (node: OnnxNode, why: string): never => {
    throw new ConchError('NOT_SUPPORTED', `opset ${from} to ${to}: ${node.type} '${node.name}': ${why}`, {
      fix: `keep opset ${from}, or export the model again with opset ${to}`,
    });
  };
  if (from < oldest || to < oldest) {
    throw new ConchError('NOT_SUPPORTED', `opset ${from} to ${to}: opsets from ${oldest} on can be changed`);
  }
  if (model.functions.length > 0) {
    throw new ConchError('NOT_SUPPORTED', `opset ${from} to ${to}: the model has functions of its own`);
  }
  const editing = new Editing(model);
  const types = inferElementTypes(model);
  model.nodes = model.nodes.flatMap((node) => {
    if (node.domain !== '') return [node];
    if (captures(node).length > 0 || ['If', 'Loop', 'Scan'].includes(node.type))
      refuse(node, 'subgraphs stay as they are');
    const changes = changesOf(node.type, Math.min(from, to), Math.max(from, to));
    if (to < from) {
      if (changes.length > 0) refuse(node, `it changed in opset ${changes[0]}`);
      return [node];
    }
    for (const { types, since, unless, why } of broken) {
      if (types.includes(node.type) && changes.includes(since) && !unless?.(node)) {
        refuse(node, `since opset ${since} ${why}`);
      }
    }
    const typed = (node.type === 'Clip' || node.type === 'Pad') && changes.includes(11);
    if (typed && types.get(node.inputs[0]!) !== elementTypes.float) refuse(node, 'its input is not known to be FP32');
    if (shares.has(node.type) && changes.includes(13)) return onAllFrom(editing, node);
    return [changes.length > 0 ? upwards(editing, node, changes) : node];
  });
  model.opsets.set('', to);
  model.irVersion = to > from ? Math.max(model.irVersion, irVersionOf(to)) : irVersionOf(to);
}

/** Before opset 13 they went over all axes from `axis` on, as one; since then over that one alone. */
const shares = new Set(['Softmax', 'LogSoftmax', 'Hardmax']);

function onAllFrom(editing: Editing, node: OnnxNode): OnnxNode[] {
  const axis = intOf(node, 'axis', 1);
  if (axis === -1) return [node];
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  const name = node.name || output;
  const flat = editing.node(`${name}/Flatten`, 'Flatten', [input], { axis: { int: axis } });
  const shape = editing.node(`${name}/Shape`, 'Shape', [input]);
  const share = editing.node(`${name}/${node.type}`, node.type, flat.outputs, { axis: { int: -1 } });
  const back = [share.outputs[0]!, shape.outputs[0]!];
  return [flat, shape, share, editing.node(`${name}/Reshape`, 'Reshape', back, {}, { output })];
}

function upwards(editing: Editing, node: OnnxNode, changes: readonly number[]): OnnxNode {
  const inputs = [...node.inputs];
  const attributes = { ...node.attributes };
  for (const { types, since, attributes: names } of moved) {
    if (!types.includes(node.type) || !changes.includes(since)) continue;
    const first = inputs.length;
    for (const [index, name] of names.entries()) {
      const attribute = attributes[name];
      delete attributes[name];
      if (attribute === undefined) continue;
      while (inputs.length < first + index) inputs.push('');
      inputs.push(asInput(editing, `${node.name || node.outputs[0]}/${name}`, attribute));
    }
  }
  if (node.type === 'Dropout' && changes.includes(12)) delete attributes.ratio;
  if (node.type === 'Split' && changes.includes(18) && !inputs[1])
    attributes.num_outputs = { int: node.outputs.length };
  return { ...node, inputs, attributes };
}

function asInput(editing: Editing, name: string, attribute: OnnxNode['attributes'][string]): string {
  const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer);
  if ('float' in attribute) {
    return editing.constant(name, elementTypes.float, [], bytes(Float32Array.of(attribute.float)));
  }
  const values = 'ints' in attribute ? attribute.ints : 'int' in attribute ? [attribute.int] : [];
  return editing.constant(name, elementTypes.int64, [values.length], bytes(BigInt64Array.from(values, BigInt)));
}
