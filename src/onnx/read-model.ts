import { ConchError } from '../base/index.ts';
import { attributeTypes, fields } from './fields.ts';
import type { Attribute } from './graph.ts';
import { type OnnxModel, type OnnxNode, type OnnxTensorType, type OnnxWeight, weightOf } from './model.ts';
import { ProtoReader } from './proto-reader.ts';
import { refuseOtherFormats } from './read.ts';
import { captured } from './read-captures.ts';
import { readEntry, readTensor } from './read-tensor.ts';
import { readOperatorSet, readValueInfo } from './read-types.ts';

/**
 * The ONNX file at `path` as a model to change and write again. Payloads stay in the file, which must be there until the
 * last has been read. Constant nodes become weights. Throws FILE_NOT_FOUND, or ONNX_INVALID naming what cannot be taken
 * over: sparse weights, tensors of strings, inputs that are no tensors.
 */
export async function openModel(path: string): Promise<OnnxModel> {
  const reader = new ProtoReader(path);
  try {
    refuseOtherFormats(reader);
    return new Reading(reader).model();
  } finally {
    reader.close();
  }
}

class Reading {
  readonly #reader: ProtoReader;
  readonly #nodes: OnnxNode[] = [];
  readonly #weights = new Map<string, OnnxWeight>();
  readonly #inputs: OnnxTensorType[] = [];
  readonly #outputs: OnnxTensorType[] = [];
  readonly #declared = new Map<string, number>();
  #name = '';

  constructor(reader: ProtoReader) {
    this.#reader = reader;
  }

  model(): OnnxModel {
    const reader = this.#reader;
    const end = reader.size;
    let irVersion = 0;
    const opsets = new Map<string, number>();
    const metadata: [key: string, value: string][] = [];
    const functions: Uint8Array[] = [];
    while (reader.next(end)) {
      if (reader.field === fields.model.irVersion) irVersion = reader.integer(end, 'ir_version');
      else if (reader.field === fields.model.opsetImport) {
        const { domain, version } = readOperatorSet(reader, reader.message(end, 'opset_import'));
        opsets.set(domain, version);
      } else if (reader.field === fields.model.metadataProps) {
        metadata.push(readEntry(reader, reader.message(end, 'metadata_props')));
      } else if (reader.field === fields.model.functions) {
        functions.push(reader.bytes(reader.message(end, 'a function'), 'a function'));
      } else if (reader.field === fields.model.graph) this.#graph(reader.message(end, 'the graph'));
      else reader.skip(end, `field ${reader.field} of the model`);
    }
    if (irVersion === 0 || !opsets.has('')) {
      reader.fail(`the file has no ${irVersion === 0 ? 'ir_version' : 'opset of ai.onnx'}; it is truncated`);
    }
    return {
      name: this.#name,
      irVersion,
      opsets,
      metadata: Object.fromEntries(metadata),
      inputs: this.#inputs.filter(({ name }) => !this.#weights.has(name)),
      outputs: this.#outputs,
      nodes: this.#nodes,
      weights: this.#weights,
      declared: this.#declared,
      functions,
    };
  }

  #graph(end: number): void {
    const reader = this.#reader;
    const { graph } = fields;
    while (reader.next(end)) {
      const { field } = reader;
      if (field === graph.node) this.#node(reader.message(end, 'a node'));
      else if (field === graph.name) this.#name = reader.text(end, 'the name of the graph');
      else if (field === graph.initializer) {
        const weight = readTensor(reader, reader.message(end, 'an initializer'));
        this.#weights.set(weight.name, weight);
      } else if (field === graph.input) this.#inputs.push(this.#port(reader.message(end, 'a graph input')));
      else if (field === graph.output) this.#outputs.push(this.#port(reader.message(end, 'a graph output')));
      else if (field === graph.valueInfo) {
        const info = readValueInfo(reader, reader.message(end, 'a value'));
        if (info.onnxType > 0) this.#declared.set(info.name, info.onnxType);
      } else if (field === graph.sparseInitializer) {
        reader.fail('a sparse initializer, which cannot be taken over');
      } else reader.skip(end, `field ${field} of the graph`);
    }
  }

  #port(end: number): OnnxTensorType {
    const { name, onnxType, shape } = readValueInfo(this.#reader, end);
    if (onnxType === 0) this.#reader.fail(`'${name}' is not said to be a tensor of any element type`);
    return { name, elementType: onnxType, shape };
  }

  #node(end: number): void {
    const reader = this.#reader;
    const inputs: string[] = [];
    const outputs: string[] = [];
    const attributes: Record<string, Attribute> = {};
    let name = '';
    let type = '';
    let domain = '';
    let value: OnnxWeight | undefined;
    const { node } = fields;
    while (reader.next(end)) {
      const { field } = reader;
      if (field === node.input) inputs.push(reader.text(end, 'an input of a node'));
      else if (field === node.output) outputs.push(reader.text(end, 'an output of a node'));
      else if (field === node.name) name = reader.text(end, 'the name of a node');
      else if (field === node.opType) type = reader.text(end, 'op_type');
      else if (field === node.domain) domain = reader.text(end, 'domain');
      else if (field === node.attribute) {
        const read = this.#attribute(reader.message(end, 'an attribute'));
        if (read.attribute) attributes[read.name] = read.attribute;
        if (read.name === 'value') value = read.tensor;
      } else reader.skip(end, `field ${field} of a node`);
    }
    if (domain === 'ai.onnx') domain = '';
    const constant = type === 'Constant' && domain === '' ? (value ?? constantOf(attributes)) : undefined;
    if (value && outputs[0]) this.#declared.set(outputs[0], value.elementType);
    if (constant) this.#weights.set(outputs[0]!, { ...constant, name: outputs[0]! });
    else this.#nodes.push({ name, type, domain, inputs, outputs, attributes });
  }

  #attribute(end: number): { name: string; attribute?: Attribute; tensor?: OnnxWeight } {
    const reader = this.#reader;
    const start = reader.position;
    const { attribute } = fields;
    let name = '';
    let type = 0;
    let float: number | undefined;
    let int: number | bigint | undefined;
    let string: string | undefined;
    let tensor: OnnxWeight | undefined;
    let opaque = false;
    const floats: number[] = [];
    const ints: (number | bigint)[] = [];
    const strings: string[] = [];
    while (reader.next(end)) {
      const { field } = reader;
      if (field === attribute.name) name = reader.text(end, 'the name of an attribute');
      else if (field === attribute.type) type = reader.integer(end, 'the type of an attribute');
      else if (field === attribute.f) float = reader.floats(end, 'f')[0];
      else if (field === attribute.i) int = reader.exactInteger(end, 'i');
      else if (field === attribute.s) string = reader.text(end, 's');
      else if (field === attribute.floats) floats.push(...reader.floats(end, 'floats'));
      else if (field === attribute.ints) ints.push(...reader.integers(end, 'ints'));
      else if (field === attribute.strings) strings.push(reader.text(end, 'strings'));
      else if (field === attribute.t) {
        tensor = readTensor(reader, reader.message(end, 'a tensor attribute'));
        opaque = true;
      } else {
        reader.skip(end, `field ${field} of an attribute`);
        opaque = true;
      }
    }
    if (tensor && name === 'value' && tensor.bytes > 1 << 16) return { name, tensor };
    if (opaque) {
      reader.position = start;
      const captures = tensor ? [] : captured(reader, end);
      reader.position = start;
      return {
        name,
        attribute: { proto: reader.bytes(end, `attribute '${name}'`), type, captures },
        ...(tensor && { tensor }),
      };
    }
    if (type === attributeTypes.float || (type === 0 && float !== undefined))
      return { name, attribute: { float: float ?? 0 } };
    if (type === attributeTypes.string || (type === 0 && string !== undefined))
      return { name, attribute: { string: string ?? '' } };
    if (type === attributeTypes.ints || (type === 0 && ints.length > 0)) return { name, attribute: { ints } };
    if (type === attributeTypes.floats || (type === 0 && floats.length > 0)) return { name, attribute: { floats } };
    if (type === attributeTypes.strings || (type === 0 && strings.length > 0)) return { name, attribute: { strings } };
    if (type === attributeTypes.int || (type === 0 && int !== undefined)) return { name, attribute: { int: int ?? 0 } };
    throw new ConchError('ONNX_INVALID', `${reader.path}: attribute '${name}' has type ${type}, which is not known`, {
      where: { file: reader.path },
    });
  }
}

/** What a Constant node says by a number instead of a tensor. */
function constantOf({ value_float, value_floats, value_int, value_ints }: Readonly<Record<string, Attribute>>) {
  const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer);
  if (value_float && 'float' in value_float) return weightOf('', 1, [], bytes(Float32Array.of(value_float.float)));
  if (value_int && 'int' in value_int) return weightOf('', 7, [], bytes(BigInt64Array.of(BigInt(value_int.int))));
  if (value_floats && 'floats' in value_floats) {
    return weightOf('', 1, [value_floats.floats.length], bytes(Float32Array.from(value_floats.floats)));
  }
  if (value_ints && 'ints' in value_ints) {
    return weightOf('', 7, [value_ints.ints.length], bytes(BigInt64Array.from(value_ints.ints, BigInt)));
  }
  return undefined;
}
