import { ConchError } from '../base/index.ts';
import { dimsOf, type ModelConfig, type ModelInput, type ModelOutput, toInteger } from '../config/index.ts';
import type { ModelMetadata } from '../protocol/index.ts';
import { type Datatype, datatypeFromConfig } from '../tensor/index.ts';
import type { ModelTask } from './tasks/task.ts';
import type { DirectText } from './text/pipeline.ts';

/** A tensor as one item of a request sees it: without the batch dimension. */
export interface TensorInterface {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1 stands for a length that varies. */
  readonly dims: readonly number[];
  readonly optional: boolean;
}

/** The output that a classifier's label file describes, with the labels in the order of its elements. */
export interface Classes {
  readonly output: string;
  readonly labels: readonly string[];
  /** Each label stands for itself (`problem_type` multi_label_classification): its score is its logit's sigmoid. */
  readonly independent?: boolean;
}

/** What a served model takes and gives, as far as a route needs to know. */
export interface ModelInterface {
  readonly name: string;
  /** The newest version that is ready. */
  readonly version: string;
  /** Another one each time that the model was described: what was answered before may not hold any more. */
  readonly serial?: number;
  /** Most items in one inference; 0 where the model has no batch dimension. */
  readonly maxBatchSize: number;
  readonly inputs: readonly TensorInterface[];
  readonly outputs: readonly TensorInterface[];
  /** The server may run several requests as one batch (`dynamic_batching`). */
  readonly joinsRequests?: boolean;
  /** Present where the model is a tokenizer and an encoder, and the proxy runs the tokenizer itself. */
  readonly text?: DirectText;
  /** Of a tokenizer and an encoder: the tokenizer's model, and its input for the text. */
  readonly tokenizer?: { readonly model: string; readonly input: string };
  /** Present where the model has routes of a task. */
  readonly task?: ModelTask;
  /** Present where text goes in and labelled scores come out: the route answers with label and scores. */
  readonly classes?: Classes;
}

/** True for tensors of one element an item: JSON holds them bare, `3.5` or `"text"`, not as lists of one. */
export function isScalar(tensor: TensorInterface): boolean {
  return tensor.dims.length === 1 && tensor.dims[0] === 1;
}

/** True for a model that takes one text an item and nothing else. */
export function takesText(model: Pick<ModelInterface, 'inputs'>): boolean {
  const [input] = model.inputs;
  return model.inputs.length === 1 && input!.datatype === 'BYTES' && isScalar(input!);
}

/**
 * The interface of a model from its metadata and its completed configuration. The configuration alone says what is a
 * batch dimension; the metadata alone says which versions are ready.
 * @throws NOT_SUPPORTED for models that no route can stand for: decoupled and stateful ones, and types that have no name here.
 */
export function describeModel(metadata: ModelMetadata, config: ModelConfig): ModelInterface {
  const { name } = metadata;
  if (config.model_transaction_policy?.decoupled) {
    throw new ConchError('NOT_SUPPORTED', `model '${name}' answers one request with several responses (decoupled)`);
  }
  if (config.sequence_batching) {
    throw new ConchError('NOT_SUPPORTED', `model '${name}' keeps state between requests (sequence batching)`);
  }
  const newest = metadata.versions.reduce((best, version) => (Number(version) > Number(best) ? version : best), '0');
  const maxBatchSize = toInteger(config.max_batch_size, 0);
  return {
    name,
    version: newest,
    maxBatchSize,
    ...(config.dynamic_batching && maxBatchSize > 1 && { joinsRequests: true }),
    inputs: (config.input ?? []).map((input) => describeTensor(name, input, input.optional ?? false)),
    outputs: (config.output ?? []).map((output) => describeTensor(name, output, false)),
  };
}

function describeTensor(model: string, tensor: ModelInput | ModelOutput, optional: boolean): TensorInterface {
  const name = tensor.name ?? '';
  const type = tensor.data_type;
  const datatype = datatypeFromConfig(typeof type === 'string' ? type : undefined)?.name;
  if (datatype === undefined) {
    throw new ConchError('NOT_SUPPORTED', `model '${model}', tensor '${name}': data type ${type ?? 'none'} is unknown`);
  }
  return { name, datatype, dims: dimsOf(tensor), optional };
}

/** The model and output that an ensemble's output comes from; undefined for other models. */
export function sourceOf(config: ModelConfig, output: string): { model: string; output: string } | undefined {
  for (const step of config.ensemble_scheduling?.step ?? []) {
    const found = Object.entries(step.output_map ?? {}).find(([, tensor]) => tensor === output);
    if (found && step.model_name) return { model: step.model_name, output: found[0] };
  }
  return undefined;
}
