import { fields } from './fields.ts';
import type { ProtoReader } from './proto-reader.ts';

const maxDepth = 32;

/**
 * The names that subgraphs of the AttributeProto up to `end` use and do not make themselves: values of the graph around.
 * ONNX_INVALID where a subgraph keeps data in files of its own, which would be lost.
 */
export function captured(reader: ProtoReader, end: number): string[] {
  const names = new Set<string>();
  readAttribute(reader, end, names, 0);
  return [...names];
}

function readAttribute(reader: ProtoReader, end: number, names: Set<string>, depth: number): void {
  const { attribute } = fields;
  while (reader.next(end)) {
    if (reader.field !== attribute.g && reader.field !== attribute.graphs) reader.skip(end, 'an attribute');
    else readGraph(reader, reader.message(end, 'a subgraph'), names, depth + 1);
  }
}

function readGraph(reader: ProtoReader, end: number, around: Set<string>, depth: number): void {
  if (depth > maxDepth) reader.fail(`subgraphs are nested deeper than ${maxDepth}`);
  const made = new Set<string>();
  const used = new Set<string>();
  const { graph } = fields;
  while (reader.next(end)) {
    if (reader.field === graph.node) readNode(reader, reader.message(end, 'a node'), { made, used }, depth);
    else if (reader.field === graph.initializer) {
      made.add(nameOf(reader, reader.message(end, 'an initializer'), fields.tensor.name));
    } else if (reader.field === graph.input) {
      made.add(nameOf(reader, reader.message(end, 'an input'), fields.valueInfo.name));
    } else if (reader.field === graph.output) {
      used.add(nameOf(reader, reader.message(end, 'an output'), fields.valueInfo.name));
    } else reader.skip(end, 'a subgraph');
  }
  for (const name of used) if (name && !made.has(name)) around.add(name);
}

function readNode(
  reader: ProtoReader,
  end: number,
  { made, used }: { made: Set<string>; used: Set<string> },
  depth: number,
): void {
  while (reader.next(end)) {
    if (reader.field === fields.node.input) used.add(reader.text(end, 'an input of a node'));
    else if (reader.field === fields.node.output) made.add(reader.text(end, 'an output of a node'));
    else if (reader.field === fields.node.attribute) {
      readAttribute(reader, reader.message(end, 'an attribute'), used, depth);
    } else reader.skip(end, 'a node');
  }
}

function nameOf(reader: ProtoReader, end: number, field: number): string {
  let name = '';
  while (reader.next(end)) {
    if (reader.field === field) name = reader.text(end, 'a name');
    else if (reader.field === fields.tensor.externalData && field === fields.tensor.name) {
      reader.fail(`tensor '${name}' of a subgraph has its data in a file of its own, which cannot be taken over`);
    } else reader.skip(end, 'a tensor');
  }
  return name;
}
