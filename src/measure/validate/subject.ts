import { closest } from 'fastest-levenshtein';
import { ConchError, type Where } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import { dimsOf, type ModelConfig, type ModelInput, type ModelOutput, toInteger } from '../../config/index.ts';
import type { ModelMetadata, TensorMetadata } from '../../protocol/index.ts';
import {
  type ConfigDatatype,
  datatypeFromConfig,
  datatypes,
  decodeStrings,
  isDatatype,
  stringTensor,
  type Tensor,
} from '../../tensor/index.ts';
import { type Declared, toTensor } from './nested.ts';
import { parseObject, type Reference, readNamed } from './reference.ts';

/** The model under validation, as its server describes it. */
export class Subject {
  readonly model: string;
  readonly version: string;
  readonly batched: boolean;
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
  /** The output whose highest element is the class: the one with a label file, or `logits`, or the only one. */
  readonly classOutput: string | undefined;
  /** The output that has a label file: its elements are classes whatever a line says. */
  readonly labelledOutput: string | undefined;
  readonly config: ModelConfig;
  readonly #optional: ReadonlySet<string>;

  constructor(model: string, version: string, config: ModelConfig) {
    this.model = model;
    this.config = config;
    this.version = version;
    this.batched = toInteger(config.max_batch_size) > 0;
    this.inputs = (config.input ?? []).map((tensor) => declared(model, tensor));
    this.outputs = (config.output ?? []).map((tensor) => declared(model, tensor));
    this.#optional = new Set(config.input?.filter(({ optional }) => optional).map(({ name = '' }) => name));
    const labelled = config.output?.find((output) => output.label_filename)?.name;
    const floats = this.outputs.filter(({ datatype }) => /^(FP|BF)/.test(datatype));
    const only = floats.length === 1 ? floats[0]!.name : undefined;
    this.classOutput = labelled ?? floats.find(({ name }) => name === 'logits')?.name ?? only;
    this.labelledOutput = labelled;
  }

  /**
   * A line's inputs as tensors and its outputs as values by name.
   * @throws FILE_INVALID naming the line, when they do not fit the model.
   */
  prepare(reference: Reference, file: string): { inputs: Tensor[]; outputs: ReadonlyMap<string, unknown> } {
    const where = { file, line: reference.line };
    try {
      if (reference.kind === 'text') return this.#prepareText(reference.text, reference.logits);
      const inputs = this.#named('input', this.inputs, reference.inputs).map(([input, value]) =>
        toTensor(input, this.batched, value),
      );
      const missing = this.inputs.find(
        ({ name }) => !Object.hasOwn(reference.inputs, name) && !this.#optional.has(name),
      );
      if (missing) {
        const { name, datatype, dims } = missing;
        throw new ConchError('FILE_INVALID', `inputs: '${name}' (${datatype} [${dims}]) is missing`);
      }
      const outputs = this.#named('output', this.outputs, reference.outputs);
      return { inputs, outputs: new Map(outputs.map(([output, value]) => [output.name, value])) };
    } catch (error) {
      if (!(error instanceof ConchError) || error.where?.line !== undefined) throw error;
      const { message, fix } = error;
      throw new ConchError('FILE_INVALID', message, { where: { ...error.where, ...where }, ...(fix && { fix }) });
    }
  }

  #prepareText(text: string, logits: readonly number[]) {
    const input = this.#textInput();
    if (!input || this.classOutput === undefined) throw this.#takesNoText();
    return { inputs: [this.#textTensor(input, text)], outputs: new Map([[this.classOutput, logits]]) };
  }

  /** The input that a text goes into, where there is one such and no other is required. */
  #textInput(): Declared | undefined {
    const required = this.inputs.filter(({ name }) => !this.#optional.has(name));
    return required.length === 1 && required[0]!.datatype === 'BYTES' ? required[0] : undefined;
  }

  #textTensor({ name, dims }: Declared, text: string): Tensor {
    const shape = [...(this.batched ? [1] : []), ...dims.map((dim) => Math.abs(dim))];
    return stringTensor(name, shape, [text]);
  }

  #takesNoText(where?: Where): ConchError {
    const list = (tensors: readonly Declared[]) =>
      tensors.map(({ name, datatype, dims }) => `${name} ${datatype} [${dims}]`).join(', ');
    return new ConchError(
      'FILE_INVALID',
      `model '${this.model}' does not turn a text into logits: ${list(this.inputs)} -> ${list(this.outputs)}`,
      { fix: 'write lines of {"inputs": {...}, "outputs": {...}}', ...(where && { where }) },
    );
  }

  isOptional(input: string): boolean {
    return this.#optional.has(input);
  }

  /**
   * The inputs of a line of JSON that has `text` or `inputs`; what else it has, as a reference file's expected values, is
   * left aside. Throws FILE_INVALID naming the line.
   */
  parseInputs(line: string, where: { readonly file: string; readonly line: number }) {
    const value = parseObject(line, where);
    if (typeof value.text === 'string') {
      const input = this.#textInput();
      if (!input) throw this.#takesNoText(where);
      return { inputs: [this.#textTensor(input, value.text)], text: value.text };
    }
    const inputs = readNamed(value.inputs, 'inputs', where);
    const reference: Reference = { kind: 'tensors', line: where.line, fraction: 0, inputs, outputs: {} };
    return { inputs: this.prepare(reference, where.file).inputs };
  }

  #named(what: string, known: readonly Declared[], given: Readonly<Record<string, unknown>>): [Declared, unknown][] {
    return Object.entries(given).map(([name, value]) => {
      const found = known.find((tensor) => tensor.name === name);
      if (found) return [found, value];
      const names = known.map((tensor) => tensor.name);
      const list = names.map((other) => `'${other}'`).join(', ');
      throw new ConchError('FILE_INVALID', `${what}s: model '${this.model}' has no ${what} '${name}'; it has ${list}`, {
        fix: `did you mean '${closest(name, names)}'?`,
      });
    });
  }
}

function declared(model: string, tensor: ModelInput | ModelOutput): Declared {
  const { name = '', data_type } = tensor;
  const datatype = datatypeFromConfig(String(data_type))?.name;
  if (datatype) return { name, datatype, dims: dimsOf(tensor) };
  throw new ConchError('NOT_SUPPORTED', `model '${model}', tensor '${name}': data type ${data_type} is unknown`);
}

/** Asks the server what the model takes and gives. @throws MODEL_NOT_FOUND listing the models that there are. */
export async function describeSubject(client: InferenceClient, model: string, version?: string, signal?: AbortSignal) {
  try {
    const metadata = await client.modelMetadata(model, version, signal);
    const newest =
      version ?? metadata.versions.reduce((best, next) => (Number(next) > Number(best) ? next : best), '0');
    return new Subject(model, newest, await configOrMetadata(client, metadata, version, signal));
  } catch (error) {
    if (!(error instanceof ConchError) || error.status !== 'NOT_FOUND') throw error;
    const names = (await client.index(signal).catch(() => [])).map(({ name }) => name);
    const wanted = version === undefined ? `'${model}'` : `'${model}' in version ${version}`;
    const known = names.length === 0 ? '' : `; it has ${[...new Set(names)].sort().join(', ')}`;
    throw new ConchError('MODEL_NOT_FOUND', `${client.url} has no model ${wanted}${known}`, { cause: error });
  }
}

/**
 * The model's configuration, which KServe's protocol does not have: without it what the metadata says, with a batch
 * dimension where every tensor begins with one that varies.
 */
async function configOrMetadata(
  client: InferenceClient,
  metadata: ModelMetadata,
  version: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ModelConfig> {
  try {
    return await client.modelConfig(metadata.name, version, signal);
  } catch (error) {
    if (!(error instanceof ConchError) || error.code !== 'SERVER_ERROR') throw error;
    const tensors = [...metadata.inputs, ...metadata.outputs];
    const batched = tensors.length > 0 && tensors.every(({ shape }) => Number(shape[0]) === -1 && shape.length > 1);
    const tensor = ({ name, datatype, shape }: TensorMetadata) => ({
      name,
      data_type: (isDatatype(datatype) ? datatypes[datatype].config : datatype) as ConfigDatatype,
      dims: shape.slice(batched ? 1 : 0).map(Number),
    });
    return {
      name: metadata.name,
      max_batch_size: batched ? 1024 : 0,
      input: metadata.inputs.map(tensor),
      output: metadata.outputs.map(tensor),
    };
  }
}

/**
 * The labels of the classes in their order, learnt through the classification extension (rows of
 * `<value>:<index>:<label>`) with the inputs of some line; undefined where the server does not tell all of them.
 */
export async function learnLabels(
  client: InferenceClient,
  subject: Subject,
  inputs: readonly Tensor[],
  classes: number,
  signal?: AbortSignal,
): Promise<string[] | undefined> {
  const { model, version, classOutput } = subject;
  if (classOutput === undefined) return undefined;
  try {
    const outputs = [{ name: classOutput, classification: classes }];
    const response = await client.infer({ model, version, inputs, outputs, signal });
    const rows = response.outputs.find(({ name }) => name === classOutput);
    if (rows?.datatype !== 'BYTES') return undefined;
    const labels: string[] = [];
    for (const row of decodeStrings(rows.data as Uint8Array)) {
      const [, index, label] = /^[^:]*:(\d{1,6}):(.+)$/s.exec(row) ?? [];
      if (index !== undefined) labels[Number(index)] = label!;
    }
    return Object.keys(labels).length === classes ? labels : undefined;
  } catch (error) {
    if (error instanceof ConchError && error.code === 'SERVER_ERROR') return undefined;
    throw error;
  }
}
