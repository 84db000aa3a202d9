import { ConchError } from '../../base/index.ts';
import { type ModelConfig, toInteger } from '../../config/index.ts';
import { type Dimension, type Setting, type SettingValue, Space } from './space.ts';

export interface SpaceOptions {
  /** The model, and of an ensemble its steps behind it. */
  readonly models: readonly { readonly name: string; readonly config: ModelConfig }[];
  readonly cores: number;
  /** Settings to leave as they are. */
  readonly fixed?: readonly Setting[];
  /** Values to search instead of those chosen here. */
  readonly values?: Partial<Readonly<Record<Setting, readonly SettingValue[]>>>;
  /** Precisions that have passed the gate, the one in the repository first. */
  readonly precisions?: readonly string[];
  /** Largest batch that the model can take, e.g. of a plan; absent: 128. */
  readonly largestBatch?: number;
}

const delays = [undefined, 500, 2000] as const;
const budgets = [undefined, 1024, 4096] as const;

/**
 * The settings that matter for a model, with values about those that it has: instances and threads by the processors,
 * batch sizes by powers of two, a queue delay, a preferred size, and for ragged inputs the budget of
 * tokens. Of an ensemble the batch size is one for all, and the rest belongs to the steps. Throws USAGE where nothing is
 * left to search.
 */
export function makeSpace(options: SpaceOptions): Space {
  const { models, cores, fixed = [], values = {}, precisions = [], largestBatch = 128 } = options;
  const [top] = models;
  const dimensions: Dimension[] = [];
  const add = (
    model: string,
    setting: Setting,
    wanted: readonly SettingValue[],
    now: SettingValue,
    categorical = false,
  ) => {
    if (fixed.includes(setting)) return;
    const all = inOrder([...new Set([...(values[setting] ?? wanted), now])]);
    if (all.length > 1) {
      dimensions.push({ model, setting, values: all, present: all.indexOf(now), ...(categorical && { categorical }) });
    }
  };
  const steps = models.filter(({ config }) => !config.ensemble_scheduling);
  for (const { name, config } of steps) {
    const group = config.instance_group?.[0];
    const instances = Math.max(1, toInteger(group?.count));
    add(name, 'instances', isTokenizer(config) ? [1, 2] : powers(1, Math.max(2, 2 * cores)), instances);
    if (isTokenizer(config)) continue;
    const onGpu = group?.kind === 'KIND_GPU';
    if (isOnnx(config) && !onGpu && cores > 1)
      add(name, 'threads', [undefined, ...powers(1, cores / 2)], numberIn(config, 'intra_op_thread_count'));
    const batch = toInteger(config.max_batch_size);
    if (batch === 0) continue;
    const batching = config.dynamic_batching;
    if (!config.sequence_batching) {
      const delay = toInteger(batching?.max_queue_delay_microseconds) || undefined;
      add(name, 'max_queue_delay_microseconds', delays, delay);
      const ragged = config.input?.some((input) => input.allow_ragged_batch);
      if (ragged) add(name, 'max_batch_tokens', budgets, numberIn(config, 'conch.max_batch_tokens'));
      else add(name, 'preferred_batch_size', [undefined, 8], preferredNow(config));
    }
  }
  const batch = toInteger(top?.config.max_batch_size);
  if (batch > 0) {
    const sizes = [1, 8, 16, 32, 64, 128].filter((size) => size <= Math.max(largestBatch, batch));
    add(top!.name, 'max_batch_size', sizes, batch);
  }
  if (precisions.length > 1) {
    const name = steps.find(({ config }) => !isTokenizer(config))?.name ?? top!.name;
    add(name, 'precision', precisions, precisions[0], true);
  }
  if (dimensions.length > 0) return new Space(dimensions);
  throw new ConchError('USAGE', `model '${top?.name}' has no setting to search`, {
    fix: 'leave out --fix, or give values with --values',
  });
}

/**
 * The least preferred size. A server that completes configurations names the limit itself, which is as good as none: a
 * full batch never waits.
 */
function preferredNow({ dynamic_batching, max_batch_size }: ModelConfig): number | undefined {
  const sizes = (dynamic_batching?.preferred_batch_size ?? []).map(Number);
  const least = Math.min(...sizes);
  return least < toInteger(max_batch_size) ? least : undefined;
}

function isOnnx({ backend, platform }: ModelConfig): boolean {
  return backend === 'onnxruntime' || platform === 'onnxruntime_onnx';
}

/** A model of texts to ids: its work is small beside the encoder's. */
function isTokenizer({ input = [], output = [], backend }: ModelConfig): boolean {
  return (
    backend === 'python' &&
    input.some(({ data_type }) => data_type === 'TYPE_STRING') &&
    output.every(({ data_type }) => /^TYPE_INT/.test(String(data_type)))
  );
}

function powers(from: number, to: number): number[] {
  const all: number[] = [];
  for (let value = from; value <= to; value *= 2) all.push(value);
  return all;
}

function numberIn(config: ModelConfig, key: string): number | undefined {
  const value = config.parameters?.[key]?.string_value;
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** Left out first, then numbers ascending; names as they come. (`sort` would put undefined last whatever it is told.) */
function inOrder(values: readonly SettingValue[]): SettingValue[] {
  const numbers = values.filter((value) => typeof value === 'number').sort((one, other) => one - other);
  const names = values.filter((value) => typeof value === 'string');
  return [...(values.includes(undefined) ? [undefined] : []), ...numbers, ...names];
}
