import { attributeTypes, dataLocations, fields } from './fields.ts';
import type { Attribute, OpaqueAttribute } from './graph.ts';
import type { OnnxModel, OnnxNode, OnnxTensorType, OnnxWeight } from './model.ts';
import { ProtoWriter } from './proto-writer.ts';

/** Where an initializer's bytes lie when not in the model file. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
}

/** A ModelProto cut at its payloads: bytes to write as they are, and initializers whose payload goes in between. */
export type ModelPart = Uint8Array | OnnxWeight;

/**
 * Encodes `model` as ModelProto. The lengths of payloads are known beforehand, so enclosing messages can announce theirs
 * and nothing large is ever held: `places` says which initializers are external, the others appear as parts.
 */
export function encodeModel(
  graph: OnnxModel,
  producer: { readonly name: string; readonly version: string },
  places: ReadonlyMap<OnnxWeight, ExternalPlace>,
): { parts: ModelPart[]; bytes: number } {
  const body: ModelPart[] = [];
  const opening = new ProtoWriter();
  for (const node of graph.nodes) opening.message(fields.graph.node, encodeNode(node));
  opening.text(fields.graph.name, graph.name);
  body.push(opening.bytes);
  for (const initializer of graph.weights.values()) {
    const place = places.get(initializer);
    const tensor = encodeTensor(initializer, place);
    const payload = place ? 0 : initializer.bytes;
    body.push(new ProtoWriter().head(fields.graph.initializer, tensor.length + payload).bytes, tensor);
    if (payload > 0) body.push(initializer);
  }
  const closing = new ProtoWriter();
  for (const input of graph.inputs) closing.message(fields.graph.input, encodeValueInfo(input));
  for (const output of graph.outputs) closing.message(fields.graph.output, encodeValueInfo(output));
  body.push(closing.bytes);

  const model = new ProtoWriter()
    .integer(fields.model.irVersion, graph.irVersion)
    .text(fields.model.producerName, producer.name)
    .text(fields.model.producerVersion, producer.version);
  for (const [domain, version] of graph.opsets) {
    const opset = new ProtoWriter()
      .text(fields.operatorSet.domain, domain)
      .integer(fields.operatorSet.version, version);
    model.message(fields.model.opsetImport, opset);
  }
  for (const [key, value] of Object.entries(graph.metadata)) {
    model.message(
      fields.model.metadataProps,
      new ProtoWriter().text(fields.entry.key, key).text(fields.entry.value, value),
    );
  }
  for (const proto of graph.functions) model.message(fields.model.functions, proto);
  const bodyBytes = sizeOf(body);
  model.head(fields.model.graph, bodyBytes);
  return { parts: [model.bytes, ...body], bytes: model.bytes.length + bodyBytes };
}

function sizeOf(parts: readonly ModelPart[]): number {
  return parts.reduce((total, part) => total + (part instanceof Uint8Array ? part.length : part.bytes), 0);
}

function encodeNode(node: OnnxNode): ProtoWriter {
  const out = new ProtoWriter();
  for (const input of node.inputs) out.text(fields.node.input, input);
  for (const output of node.outputs) out.text(fields.node.output, output);
  out.text(fields.node.name, node.name).text(fields.node.opType, node.type);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    out.message(fields.node.attribute, 'proto' in attribute ? attribute.proto : encodeAttribute(name, attribute));
  }
  if (node.domain) out.text(fields.node.domain, node.domain);
  return out;
}

function encodeAttribute(name: string, attribute: Exclude<Attribute, OpaqueAttribute>): ProtoWriter {
  const out = new ProtoWriter().text(fields.attribute.name, name);
  const type = (value: number) => out.integer(fields.attribute.type, value);
  if ('int' in attribute) return type(attributeTypes.int).integer(fields.attribute.i, attribute.int);
  if ('float' in attribute) return type(attributeTypes.float).float(fields.attribute.f, attribute.float);
  if ('string' in attribute) return type(attributeTypes.string).text(fields.attribute.s, attribute.string);
  if ('ints' in attribute) {
    for (const value of attribute.ints) out.integer(fields.attribute.ints, value);
    return type(attributeTypes.ints);
  }
  if ('floats' in attribute) {
    for (const value of attribute.floats) out.float(fields.attribute.floats, value);
    return type(attributeTypes.floats);
  }
  for (const value of attribute.strings) out.text(fields.attribute.strings, value);
  return type(attributeTypes.strings);
}

/** A TensorProto up to where raw_data's bytes begin, or whole when its data is external. */
function encodeTensor(initializer: OnnxWeight, place: ExternalPlace | undefined): Uint8Array {
  const out = new ProtoWriter();
  for (const dim of initializer.shape) out.integer(fields.tensor.dims, dim);
  out.integer(fields.tensor.dataType, initializer.elementType);
  out.text(fields.tensor.name, initializer.name);
  if (!place) return out.head(fields.tensor.rawData, initializer.bytes).bytes;
  const entries = { location: place.location, offset: place.offset, length: initializer.bytes };
  for (const [key, value] of Object.entries(entries)) {
    const entry = new ProtoWriter().text(fields.entry.key, key).text(fields.entry.value, String(value));
    out.message(fields.tensor.externalData, entry);
  }
  return out.integer(fields.tensor.dataLocation, dataLocations.external).bytes;
}

/** A value without an element type is named only: the runtime finds out. */
function encodeValueInfo({ name, elementType, shape }: OnnxTensorType): ProtoWriter {
  const out = new ProtoWriter().text(fields.valueInfo.name, name);
  if (elementType === 0) return out;
  const tensor = new ProtoWriter().integer(fields.tensorType.elementType, elementType);
  if (shape) {
    const dims = new ProtoWriter();
    for (const dim of shape) {
      const dimension = new ProtoWriter();
      if (typeof dim === 'string') dimension.text(fields.dimension.parameter, dim);
      else if (dim !== undefined) dimension.integer(fields.dimension.value, dim);
      dims.message(fields.shape.dimension, dimension);
    }
    tensor.message(fields.tensorType.shape, dims);
  }
  return out.message(fields.valueInfo.type, new ProtoWriter().message(fields.type.tensor, tensor));
}
