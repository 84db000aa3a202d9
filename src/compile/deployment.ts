import type { ModelConfig } from '../config/index.ts';
import type { ConfigDatatype, Datatype } from '../tensor/index.ts';
import type { Layout } from './architectures/index.ts';
import type { DeploySettings } from './deploy-settings.ts';
import type { GateLimits } from './gate/limits.ts';
import type { Precision } from './lowering/lower.ts';
import type { MlpLayer } from './mlp.ts';
import type { TensorrtSettings } from './tensorrt/settings.ts';

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
  /** What the model computes in; `fp32` unless given. See docs/precision.md. */
  precision?: Precision;
  /** INT8 weights of 7 bits, for processors with AVX2 and no VNNI instructions. */
  reduce_range?: boolean;
  /** How far the model may depart from its source before it is rejected; by default what its precision allows. */
  gate?: GateLimits;
  /**
   * Takes a second input, `text_pair`, that each text is put together with, as rerankers and models of natural language
   * inference want it; a request may leave it out. By itself for models with a single label, which rerank.
   */
  text_pair?: boolean;
  /** Makes `<name>-model` a TensorRT plan, built where its GPU is. See docs/tensorrt.md. */
  tensorrt?: TensorrtSettings;
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

/** An input of a PyTorch module's `forward`. */
export interface ModuleInput {
  /** The name of forward's argument, or any other; then the order of `inputs` is that of the arguments. */
  name: string;
  /** Triton's name of the element type, `FP32` or `TYPE_FP32`. */
  datatype: Datatype | ConfigDatatype;
  /** Without the batch dimension; where it varies -1, or a name that several inputs share. */
  dims: (number | string)[];
  /** Least and greatest value of the samples; unless given whole numbers are 0 or 1 and others normally distributed. */
  range?: [number, number];
}

/** A PyTorch module, exported in the environment that `conch env` makes and compared with PyTorch on seeded samples. */
export interface ModuleDeployment extends ModelSettings {
  /**
   * A Python file, relative to the deployment file, with the class (or a function) that makes the nn.Module:
   * `./simple_net.py:SimpleNet`, or apart with arguments. A file with one module needs no class.
   */
  module: string | { file: string; class?: string; args?: Record<string, unknown> };
  /** Weights that are loaded into it: what `torch.save(module.state_dict())` or safetensors has written. */
  state_dict?: string;
  inputs: ModuleInput[];
  /** Names of what `forward` returns, in order; datatype and dims are found out, and compared where given. */
  outputs?: (string | { name: string; datatype?: Datatype | ConfigDatatype; dims?: number[] })[];
  /** What is written: both unless given, TorchScript then as `<name>-torchscript`. */
  formats?: ('onnx' | 'torchscript')[];
  /** Inputs of your own to compare on, batch dimension included, by name; one or several such. */
  sample?: { [input: string]: unknown } | { [input: string]: unknown }[];
  /** Of the random weights and samples; 0 unless given. */
  seed?: number;
  /** The most that Python may take; 600 unless given. */
  timeout_seconds?: number;
}

/** An ONNX file that conch did not write: cleaned up, lowered, and compared with itself as it came. */
export interface OnnxDeployment extends ModelSettings {
  /** The file, relative to the deployment file; its external data lies beside it. */
  onnx: string;
  /** What it computes in; as it is unless given. See docs/precision.md. */
  precision?: Precision;
  /** INT8 weights of 7 bits, for processors with AVX2 and no VNNI instructions. */
  reduce_range?: boolean;
  /** The opset of ai.onnx to write; as it is unless given. */
  opset?: number;
  /** Makes it a TensorRT plan, built where its GPU is. See docs/tensorrt.md. */
  tensorrt?: TensorrtSettings;
  /** How far it may depart from the file before it is rejected; by default what its precision allows. */
  gate?: GateLimits;
  /** Inputs of your own to compare on, batch dimension included, by name; one or several such. */
  sample?: { [input: string]: unknown } | { [input: string]: unknown }[];
}

export type ModelDeployment = CheckpointDeployment | MlpDeployment | ModuleDeployment | OnnxDeployment;

/** What a repository is made from: the default export of `conch.config.ts`. */
export interface Deployment {
  /** Folder of the model repository, relative to the deployment file; `models` unless given. */
  repository?: string;
  /** The Triton release to build for, e.g. `triton:26.07`. */
  target?: string;
  /** How it is put into service: what `conch deploy` writes. See docs/deploy.md. */
  deploy?: DeploySettings;
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

export function isModuleDeployment(model: ModelDeployment): model is ModuleDeployment {
  return 'module' in model;
}

export function isOnnxDeployment(model: ModelDeployment): model is OnnxDeployment {
  return 'onnx' in model;
}
