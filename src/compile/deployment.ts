import type { ModelConfig } from '../config/index.ts';
import type { Layout } from './architectures/index.ts';
import type { MlpLayer } from './mlp.ts';

/** Settings that go into a model's config.pbtxt as they are; names and meanings are Triton's. */
export type ConfigSettings = Pick<
  ModelConfig,
  | 'max_batch_size'
  | 'dynamic_batching'
  | 'instance_group'
  | 'version_policy'
  | 'optimization'
  | 'parameters'
  | 'response_cache'
  | 'metric_tags'
  | 'model_warmup'
>;

interface ModelSettings extends ConfigSettings {
  /** Version folder to write; 1 unless given. */
  version?: number;
  /**
   * Reference outputs of the source model, one JSON object a line, that `conch validate` and `conch start` compare
   * the served model with. Relative to the deployment file.
   */
  expect?: string;
  /** Largest absolute difference from the reference outputs that still passes; 1e-4 unless given. */
  tolerance?: number;
}

/**
 * A text model from a Hugging Face checkpoint. It becomes three models: `<name>-tokenizer`, `<name>-model` and the
 * ensemble `<name>` that joins them. Settings given here apply to all three where they can (`max_batch_size` always
 * does, so that the batch sizes stay aligned); `tokenizer` and `model` add to one of them.
 */
export interface CheckpointDeployment extends ModelSettings {
  /** A folder with config.json and weights (relative to the deployment file), or a hub id such as `ProsusAI/finbert`. */
  checkpoint: string;
  /** Branch, tag or commit on the hub. */
  revision?: string;
  /** Longest text in tokens, special tokens included; the checkpoint's own limit unless given. */
  max_length?: number;
  /**
   * How the model takes the texts of a batch: `padded`, every text as long as the longest (the default), or `packed`, one
   * run of tokens, so that requests of any lengths share a batch and nothing is computed for padding.
   */
  layout?: Layout;
  /** Further settings for `<name>-tokenizer`. */
  tokenizer?: Omit<ConfigSettings, 'max_batch_size'>;
  /** Further settings for `<name>-model`. */
  model?: Omit<ConfigSettings, 'max_batch_size'>;
}

/** A small feed-forward network from safetensors weights, built with conch's own graph builder. */
export interface MlpDeployment extends ModelSettings {
  /** A safetensors file, relative to the deployment file. */
  weights: string;
  /** Linear layers in order, e.g. `[{ name: 'net.0', activation: 'relu' }, { name: 'net.2' }]`. */
  layers: MlpLayer[];
  /** Name of the input tensor, FP32 [in_features of the first layer]; `x` unless given. */
  input?: string;
  /** Name of the output tensor, FP32 [out_features of the last layer]; `prediction` unless given. */
  output?: string;
}

export type ModelDeployment = CheckpointDeployment | MlpDeployment;

/** What a repository is made from: the default export of `conch.config.ts`. */
export interface Deployment {
  /** Folder of the model repository, relative to the deployment file; `models` unless given. */
  repository?: string;
  /** The Triton release to build for, e.g. `triton:26.07`. */
  target?: string;
  /** Model names to what each is made from. */
  models: { [name: string]: ModelDeployment };
}

/** Gives `conch.config.ts` its types; returns its argument. */
export function defineDeployment(deployment: Deployment): Deployment {
  return deployment;
}

export function isCheckpointDeployment(model: ModelDeployment): model is CheckpointDeployment {
  return 'checkpoint' in model;
}
