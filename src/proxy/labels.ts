import { ConchError } from '../base/index.ts';
import type { InferenceClient } from '../client/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceResponse } from '../protocol/index.ts';
import { datatypes, decodeStrings, elementCount, encodeBytes, type Tensor } from '../tensor/index.ts';
import { type Classes, type ModelInterface, sourceOf, takesText } from './interface.ts';

/** Classes asked for where the number of classes is not in the configuration. */
const manyClasses = 1000;

export interface LabelSource {
  readonly client: InferenceClient;
  /** A model's configuration, for the steps of an ensemble. */
  readonly config: (model: string) => Promise<ModelConfig>;
  /** The interface of a model, for the steps of an ensemble. */
  readonly describe: (model: string) => Promise<ModelInterface>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The classes of a text model, learnt from the server: the configuration only names a label file, but the
 * classification extension answers `value:index:label` rows, so one inference tells the labels in their order. Where an
 * ensemble's own output has no label file, the step that produces it is asked. Undefined where no label file is named.
 * Classes without a label are called `LABEL_<index>`, as Hugging Face does.
 */
export async function learnClasses(
  source: LabelSource,
  model: ModelInterface,
  config: ModelConfig,
): Promise<Classes | undefined> {
  if (!takesText(model)) return undefined;
  for (const output of model.outputs) {
    if (!isLogits(output.datatype, output.dims)) continue;
    const holder = await labelHolder(source, config, output.name);
    if (!holder) continue;
    const labels = await askLabels(source.client, holder.model, holder.output, source.signal);
    const independent = config.parameters?.problem_type?.string_value === 'multi_label_classification';
    if (labels.length > 0) return { output: output.name, labels, ...(independent && { independent }) };
  }
  return undefined;
}

/** Classes given by hand: they must fit the one output that can hold logits. */
export function givenClasses(model: ModelInterface, labels: readonly string[]): Classes {
  const output = model.outputs.find(({ datatype, dims }) => isLogits(datatype, dims));
  if (!takesText(model) || !output) {
    throw new ConchError('USAGE', `labels for '${model.name}': it does not turn one text into a list of numbers`);
  }
  const [length = -1] = output.dims;
  if (length >= 0 && length !== labels.length) {
    throw new ConchError(
      'USAGE',
      `labels for '${model.name}': output '${output.name}' has ${length} classes, got ${labels.length} labels`,
    );
  }
  return { output: output.name, labels: distinct(labels) };
}

function isLogits(datatype: string, dims: readonly number[]): boolean {
  return dims.length === 1 && (datatype === 'FP32' || datatype === 'FP64');
}

/** The model whose configuration names a label file for `output`, going down through the steps of ensembles. */
async function labelHolder(
  source: LabelSource,
  config: ModelConfig,
  output: string,
  depth = 0,
): Promise<{ model: ModelInterface; output: string } | undefined> {
  if (config.output?.find(({ name }) => name === output)?.label_filename) {
    return { model: await source.describe(config.name ?? ''), output };
  }
  const step = sourceOf(config, output);
  if (!step || depth > 8) return undefined;
  return labelHolder(source, await source.config(step.model), step.output, depth + 1);
}

async function askLabels(
  client: InferenceClient,
  model: ModelInterface,
  output: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const length = model.outputs.find(({ name }) => name === output)?.dims[0] ?? -1;
  let response: InferenceResponse;
  try {
    response = await client.infer({
      model: model.name,
      inputs: model.inputs.filter(({ optional }) => !optional).map((input) => probe(model, input)),
      outputs: [{ name: output, classification: length > 0 ? length : manyClasses }],
      signal,
    });
  } catch (error) {
    // A server without the extension, or a model that refuses the probe: number the classes where their count is known.
    if (!(error instanceof ConchError) || error.code !== 'SERVER_ERROR' || error.status === 'UNAVAILABLE') throw error;
    return Array.from({ length: Math.max(0, length) }, (_, index) => `LABEL_${index}`);
  }
  const rows = response.outputs.find(({ name }) => name === output);
  if (rows?.datatype !== 'BYTES') return [];
  return labelsOf(decodeStrings(rows.data as Uint8Array));
}

/** The smallest input that a model takes: zeros, or one-word texts; variable dimensions are 1. */
function probe(model: ModelInterface, { name, datatype, dims }: ModelInterface['inputs'][number]): Tensor {
  const item = dims.map((dim) => Math.max(1, dim));
  const shape = model.maxBatchSize > 0 ? [1, ...item] : item;
  const count = elementCount(shape);
  const data = datatype === 'BYTES' ? encodeBytes(Array(count).fill('text')) : new datatypes[datatype].array(count);
  return { name, datatype, shape, data };
}

/** Labels in class order from the rows of the classification extension, `<value>:<index>[:<label>]`. */
export function labelsOf(rows: readonly string[]): string[] {
  const labels: string[] = [];
  for (const row of rows) {
    const [, index, label] = /^[^:]*:(\d{1,6})(?::(.*))?$/s.exec(row) ?? [];
    if (index !== undefined) labels[Number(index)] = label || `LABEL_${index}`;
  }
  return distinct(Array.from(labels, (label, index) => label ?? `LABEL_${index}`));
}

/** Scores are keyed by label, so a label that occurs twice gets its index appended. */
function distinct(labels: readonly string[]): string[] {
  const seen = new Set<string>();
  return labels.map((label, index) => {
    const name = seen.has(label) ? `${label} (${index})` : label;
    seen.add(name);
    return name;
  });
}
