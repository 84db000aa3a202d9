import type { ModelConfig, ModelInput, ModelOutput, ModelWarmup } from '../config/index.ts';
import { datatypes } from '../tensor/index.ts';
import { textLengths } from './architectures/index.ts';
import type { CompiledTensor } from './compiled.ts';
import type { ConfigSettings } from './deployment.ts';

/** Largest batch that conch configures unless told otherwise. */
export const defaultMaxBatchSize = 32;

/** Tensors as config.pbtxt lists them. */
export function configTensors(
  tensors: readonly CompiledTensor[],
  labelFiles: Readonly<Record<string, string>> = {},
): (ModelInput & ModelOutput)[] {
  return tensors.map((tensor) => ({
    name: tensor.name,
    data_type: datatypes[tensor.datatype].config,
    dims: [...tensor.dims],
    ...(tensor.optional && { optional: true }),
    ...(labelFiles[tensor.name] !== undefined && { label_filename: labelFiles[tensor.name]! }),
  }));
}

/**
 * A complete configuration for an ONNX model: nothing in it is left for Triton's auto-complete, which would otherwise
 * choose the batch size, the batcher and, on a CPU host, two instances.
 */
export function onnxConfig(options: {
  name: string;
  max_batch_size: number;
  inputs: readonly CompiledTensor[];
  outputs: readonly CompiledTensor[];
  labelFiles?: Readonly<Record<string, string>>;
  settings: ConfigSettings;
  /** Of a packed encoder: the outputs that have a row for each token of a request. */
  packed?: { readonly perToken: readonly string[] } | undefined;
}): ModelConfig {
  const { name, max_batch_size, inputs, outputs, labelFiles, settings, packed } = options;
  return {
    name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    default_model_filename: 'model.onnx',
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size,
    input: configTensors(inputs).map((input) => (packed ? { ...input, allow_ragged_batch: true } : input)),
    output: configTensors(outputs, labelFiles),
    ...(packed && raggedBatches(inputs[0]!.name, packed.perToken)),
    // AUTO is a GPU where Triton sees one and the CPU elsewhere, so one file serves both.
    instance_group: [{ count: 1, kind: 'KIND_AUTO' }],
    ...(max_batch_size > 0 && { dynamic_batching: {} }),
    model_warmup: [warmup('shortest', inputs)],
    ...definedSettings(settings),
  };
}

/**
 * How Triton makes one run of tokens of a batch: besides the inputs one after the other the length of each text, row by
 * row of every request (an accumulated count would go by request, and a request may hold several texts), and token-level
 * outputs dealt out by the shapes of the requests.
 */
function raggedBatches(source: string, perToken: readonly string[]): Pick<ModelConfig, 'batch_input' | 'batch_output'> {
  const lengths = { kind: 'BATCH_ITEM_SHAPE_FLATTEN', data_type: 'TYPE_INT32' } as const;
  return {
    batch_input: [{ ...lengths, target_name: [textLengths], source_input: [source] }],
    ...(perToken.length > 0 && {
      batch_output: [
        { kind: 'BATCH_SCATTER_WITH_INPUT_SHAPE', target_name: [...perToken], source_input: [source] } as const,
      ],
    }),
  };
}

/** One zero-filled request; dynamic dimensions become `length`. */
function warmup(name: string, inputs: readonly CompiledTensor[], length = 8): ModelWarmup {
  return {
    name,
    batch_size: 1,
    inputs: Object.fromEntries(
      inputs.map((input) => [
        input.name,
        {
          data_type: datatypes[input.datatype].config,
          dims: input.dims.map((dim) => (dim < 0 ? length : dim)),
          zero_data: true,
        },
      ]),
    ),
  };
}

const settingNames = [
  'dynamic_batching',
  'instance_group',
  'version_policy',
  'optimization',
  'parameters',
  'response_cache',
  'metric_tags',
  'model_warmup',
] as const satisfies (keyof ConfigSettings)[];

/** The config.pbtxt fields among a deployment's settings; later ones win. `max_batch_size` is handled by the caller. */
export function definedSettings(...settings: (ConfigSettings | undefined)[]): Omit<ConfigSettings, 'max_batch_size'> {
  const out: Record<string, unknown> = {};
  for (const layer of settings) {
    for (const name of settingNames) if (layer?.[name] !== undefined) out[name] = layer[name];
  }
  return out;
}
