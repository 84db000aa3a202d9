import type { BatchInput_Kind, ModelConfig } from '../../config/index.ts';
import { dimsOf, toInteger } from '../../config/index.ts';
import type { OnnxSummary } from '../../onnx/index.ts';
import { datatypeFromConfig } from '../../tensor/index.ts';

/** What is to be known about a model's tensors beyond what each carries. */
export interface OnnxLayout {
  /** Whether the first dimension of every tensor is the batch. */
  readonly batched: boolean;
  /** Tensors of rank 0 in the model, which requests and responses carry as shape `[1]`. */
  readonly scalars: ReadonlySet<string>;
  /** Inputs that the model takes as one run of elements, `[total]`, request after request. */
  readonly ragged: ReadonlySet<string>;
  /** Inputs that are not sent but made from the batch. */
  readonly batchInputs: readonly BatchInputPlan[];
  /** Tensors are in the model what they are outside of it, but for their rows. */
  readonly plain: boolean;
  /** Outputs that are one run of elements, cut by the shapes of an input. */
  readonly scattered: ReadonlyMap<string, ScatterPlan>;
}

/** One of a config's `batch_input`s. */
export interface BatchInputPlan {
  readonly names: readonly string[];
  readonly kind: BatchInput_Kind;
  readonly datatype: 'INT32' | 'FP32';
  /** The input that it describes. */
  readonly source: string;
}

/** One of a config's `batch_output`s of kind BATCH_SCATTER_WITH_INPUT_SHAPE. */
export interface ScatterPlan {
  readonly source: string;
  /** A request's share, batch dimension first where there is one; -1 is what `source` has in the same place. */
  readonly shape: readonly number[];
}

/** The config must have been validated and checked against the model. */
export function layoutOf(config: ModelConfig, onnx: OnnxSummary): OnnxLayout {
  const batched = toInteger(config.max_batch_size) > 0;
  const ragged = (config.input ?? []).filter((input) => input.allow_ragged_batch).map((input) => input.name!);
  const scalars = scalarsOf(onnx);
  const scattered = new Map(scatterPlans(config, batched));
  const apart = ragged.length + (config.batch_input?.length ?? 0);
  return {
    batched,
    plain: scalars.size + scattered.size + apart === 0,
    scalars,
    ragged: new Set(ragged),
    batchInputs: (config.batch_input ?? []).map((entry) => ({
      names: entry.target_name ?? [],
      // An absent field is protobuf's value 0.
      kind: entry.kind ?? 'BATCH_ELEMENT_COUNT',
      datatype: datatypeFromConfig(String(entry.data_type))?.name === 'FP32' ? 'FP32' : 'INT32',
      source: entry.source_input![0]!,
    })),
    scattered,
  };
}

/** By the name of the output. */
export function scatterPlans(config: ModelConfig, batched: boolean): [string, ScatterPlan][] {
  return (config.batch_output ?? []).flatMap(({ target_name = [], source_input = [] }) =>
    target_name.flatMap((name): [string, ScatterPlan][] => {
      const output = config.output?.find((other) => other.name === name);
      if (!output) return [];
      const dims = output.reshape ? (output.reshape.shape ?? []).map(Number) : dimsOf(output);
      return [[name, { source: source_input[0]!, shape: batched ? [-1, ...dims] : dims }]];
    }),
  );
}

/** Inputs and outputs that are scalars in the model, which a config can only describe as `[ 1 ]`. */
function scalarsOf(onnx: OnnxSummary): Set<string> {
  return new Set([...onnx.inputs, ...onnx.outputs].filter(({ shape }) => shape?.length === 0).map(({ name }) => name));
}
