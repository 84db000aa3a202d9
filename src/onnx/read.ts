import { ConchError } from '../base/index.ts';
import { dataLocations, fields } from './fields.ts';
import { ProtoReader } from './proto-reader.ts';
import { readEntry } from './read-tensor.ts';
import { readOperatorSet, readValueInfo } from './read-types.ts';
import type { OnnxSummary, OnnxTensorInfo } from './summary.ts';

/** Subgraphs (If, Loop, Scan) inside subgraphs; protobuf's own default limit on nested messages is 100. */
const maxDepth = 32;

/**
 * What the ONNX file at `path` declares: opsets, inputs, outputs, operators, external files. Tensor payloads are seeked
 * over, so a file of gigabytes costs kilobytes. Throws FILE_NOT_FOUND, or ONNX_INVALID naming file and byte offset.
 */
export async function readOnnx(path: string): Promise<OnnxSummary> {
  const reader = new ProtoReader(path);
  try {
    refuseOtherFormats(reader);
    return new ModelScan(reader).summary();
  } finally {
    reader.close();
  }
}

/** What people hand over instead of a model, told apart before protobuf's errors would puzzle them. */
export function refuseOtherFormats(reader: ProtoReader): void {
  const start = reader.head(512);
  const text = start.toString('latin1');
  const refuse = (what: string, fix: string): never => {
    throw new ConchError('ONNX_INVALID', `${reader.path}: ${what}, not an ONNX model`, {
      where: { file: reader.path },
      fix,
    });
  };
  if (reader.size === 0) refuse('the file is empty', 'export or download the model again');
  if (text.startsWith('version https://git-lfs')) {
    refuse('this is a Git LFS pointer', 'fetch the content with `git lfs pull`');
  }
  if (text.startsWith('PK\u0003\u0004')) {
    refuse('this is a zip archive (PyTorch and TorchScript files are)', 'export the model to ONNX');
  }
  if (text.slice(4, 8) === 'ORTM') {
    refuse("this is ONNX Runtime's own .ort format", 'hand over the ONNX file that it was made from');
  }
  if (/^\s*[<{]/.test(text)) refuse('this is text (HTML or JSON)', 'download the model again; the answer was a page');
}

class ModelScan {
  readonly #reader: ProtoReader;
  readonly #operators = new Map<string, { domain: string; type: string; count: number }>();
  readonly #external = new Map<string, number>();
  readonly #initializers = new Set<string>();
  readonly #inputs: OnnxTensorInfo[] = [];
  readonly #outputs: OnnxTensorInfo[] = [];

  constructor(reader: ProtoReader) {
    this.#reader = reader;
  }

  summary(): OnnxSummary {
    const reader = this.#reader;
    const end = reader.size;
    let irVersion = 0;
    let graphs = 0;
    const producer: string[] = [];
    const opsets: { domain: string; version: number }[] = [];
    const metadata: [key: string, value: string][] = [];
    while (reader.next(end)) {
      if (reader.field === fields.model.irVersion) irVersion = reader.integer(end, 'ir_version');
      else if (reader.field === fields.model.producerName) producer[0] = reader.text(end, 'producer_name');
      else if (reader.field === fields.model.producerVersion) producer[1] = reader.text(end, 'producer_version');
      else if (reader.field === fields.model.opsetImport)
        opsets.push(readOperatorSet(reader, reader.message(end, 'opset_import')));
      else if (reader.field === fields.model.metadataProps) {
        metadata.push(readEntry(reader, reader.message(end, 'metadata_props')));
      } else if (reader.field === fields.model.functions) this.#function(reader.message(end, 'function'));
      else if (reader.field === fields.model.graph) {
        graphs++;
        this.#graph(reader.message(end, 'the graph'), 0);
      } else reader.skip(end, `field ${reader.field} of the model`);
    }
    if (graphs === 0 || irVersion === 0) {
      reader.fail(`the file has no ${graphs === 0 ? 'graph' : 'ir_version'}; it is not an ONNX model, or truncated`);
    }
    return {
      irVersion,
      producer: producer.filter(Boolean).join(' '),
      opsets,
      inputs: this.#inputs.filter(({ name }) => !this.#initializers.has(name)),
      outputs: this.#outputs,
      overridable: this.#inputs.map(({ name }) => name).filter((name) => this.#initializers.has(name)),
      operators: [...this.#operators.values()].sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1)),
      externalFiles: [...this.#external.keys()],
      externalSizes: Object.fromEntries(this.#external),
      metadata: Object.fromEntries(metadata),
    };
  }

  #graph(end: number, depth: number): void {
    const reader = this.#reader;
    if (depth > maxDepth) reader.fail(`subgraphs are nested deeper than ${maxDepth}`);
    while (reader.next(end)) {
      if (reader.field === fields.graph.node) this.#node(reader.message(end, 'a node'), depth);
      else if (reader.field === fields.graph.initializer) {
        const name = this.#tensor(reader.message(end, 'an initializer'));
        if (depth === 0) this.#initializers.add(name);
      } else if (reader.field === fields.graph.sparseInitializer) {
        const name = this.#sparseTensor(reader.message(end, 'a sparse initializer'));
        if (depth === 0) this.#initializers.add(name);
      } else if (reader.field === fields.graph.input && depth === 0) {
        this.#inputs.push(readValueInfo(reader, reader.message(end, 'a graph input')));
      } else if (reader.field === fields.graph.output && depth === 0) {
        this.#outputs.push(readValueInfo(reader, reader.message(end, 'a graph output')));
      } else reader.skip(end, `field ${reader.field} of the graph`);
    }
  }

  #function(end: number): void {
    const reader = this.#reader;
    while (reader.next(end)) {
      if (reader.field === fields.function.node) this.#node(reader.message(end, 'a node'), 0);
      else reader.skip(end, `field ${reader.field} of a function`);
    }
  }

  #node(end: number, depth: number): void {
    const reader = this.#reader;
    let type = '';
    let domain = '';
    while (reader.next(end)) {
      if (reader.field === fields.node.opType) type = reader.text(end, 'op_type');
      else if (reader.field === fields.node.domain) domain = reader.text(end, 'domain');
      else if (reader.field === fields.node.attribute) this.#attribute(reader.message(end, 'an attribute'), depth);
      else reader.skip(end, `field ${reader.field} of a node`);
    }
    if (domain === 'ai.onnx') domain = '';
    const key = `${domain}\0${type}`;
    const seen = this.#operators.get(key);
    if (seen) seen.count++;
    else this.#operators.set(key, { domain, type, count: 1 });
  }

  #attribute(end: number, depth: number): void {
    const reader = this.#reader;
    const { attribute } = fields;
    while (reader.next(end)) {
      if (reader.field === attribute.g || reader.field === attribute.graphs) {
        this.#graph(reader.message(end, 'a subgraph'), depth + 1);
      } else if (reader.field === attribute.t || reader.field === attribute.tensors) {
        this.#tensor(reader.message(end, 'a tensor attribute'));
      } else if (reader.field === attribute.sparseTensor || reader.field === attribute.sparseTensors) {
        this.#sparseTensor(reader.message(end, 'a sparse tensor attribute'));
      } else reader.skip(end, `field ${reader.field} of an attribute`);
    }
  }

  /** Notes where the tensor's data lies and returns its name; the payload is skipped. */
  #tensor(end: number): string {
    const reader = this.#reader;
    let name = '';
    let external = false;
    const location: Record<string, string> = {};
    while (reader.next(end)) {
      if (reader.field === fields.tensor.name) name = reader.text(end, 'the name of a tensor');
      else if (reader.field === fields.tensor.dataLocation) {
        external = reader.integer(end, 'data_location') === dataLocations.external;
      } else if (reader.field === fields.tensor.externalData) {
        const [key, value] = readEntry(reader, reader.message(end, 'external_data'));
        location[key] = value;
      } else reader.skip(end, `the data of tensor '${name}'`);
    }
    if (external) this.#noteExternal(name, location);
    return name;
  }

  #noteExternal(name: string, { location = '', offset = '0', length = '0' }: Record<string, string>): void {
    if (!location) this.#reader.fail(`tensor '${name}' has external data without a location`);
    const last = Number(offset) + Number(length);
    if (!Number.isSafeInteger(last) || last < 0) {
      this.#reader.fail(`tensor '${name}' has external data at offset '${offset}' of length '${length}'`);
    }
    this.#external.set(location, Math.max(last, this.#external.get(location) ?? 0));
  }

  #sparseTensor(end: number): string {
    const reader = this.#reader;
    let name = '';
    while (reader.next(end)) {
      if (reader.field === fields.sparseTensor.values) name = this.#tensor(reader.message(end, 'sparse values'));
      else if (reader.field === fields.sparseTensor.indices) this.#tensor(reader.message(end, 'sparse indices'));
      else reader.skip(end, `field ${reader.field} of a sparse tensor`);
    }
    return name;
  }
}
