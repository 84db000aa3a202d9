import type { ModelConfig, ModelEnsembling_Step } from '../config/index.ts';

/** Two tensors of an ensemble that meet although each response of a decoupled step has its own of one of them. */
export interface JoinedStreams {
  /** Of the second tensor, as in `ParsedConfig.at`. */
  readonly path: string;
  readonly message: string;
}

/** '' is the request itself, anything else the decoupled step whose responses a tensor belongs to. */
type Origin = string;

interface Place {
  readonly tensor: string;
  readonly path: string;
}

/**
 * The first place where an ensemble joins the responses of a decoupled step with those of another one, or with tensors of
 * the request itself, which Triton refuses (core `ensemble_utils.cc`); undefined where there is none.
 *
 * @param isDecoupled whether a step's model answers as it likes
 */
export function joinedStreams(
  config: ModelConfig,
  isDecoupled: (step: ModelEnsembling_Step, index: number) => boolean,
): JoinedStreams | undefined {
  const steps = config.ensemble_scheduling?.step ?? [];
  const decoupled = steps.map(isDecoupled);
  if (!decoupled.includes(true)) return undefined;
  const origins = originsOf(config, steps, decoupled);
  for (const [index, step] of steps.entries()) {
    const places = Object.entries(step.input_map ?? {}).map(([key, tensor]) => {
      return { tensor, path: `ensemble_scheduling.step[${index}].input_map[${JSON.stringify(key)}].value` };
    });
    const joined = firstJoin(places, origins);
    if (joined)
      return {
        path: joined.path,
        message: `step ${index} (${step.model_name ?? ''}) joins ${joined.tensors(' with ')}`,
      };
  }
  const outputs = (config.output ?? []).map(({ name = '' }, index) => ({ tensor: name, path: `output[${index}]` }));
  const joined = firstJoin(outputs, origins);
  return joined && { path: joined.path, message: `the ensemble joins its outputs ${joined.tensors(' and ')}` };
}

/** Where each tensor comes from, following the steps. */
function originsOf(
  config: ModelConfig,
  steps: readonly ModelEnsembling_Step[],
  decoupled: readonly boolean[],
): Map<string, Origin> {
  const origins = new Map<string, Origin>((config.input ?? []).map(({ name = '' }) => [name, '']));
  const waiting = new Set(steps.keys());
  for (let moved = true; moved; ) {
    moved = false;
    for (const index of waiting) {
      const { model_name = '', input_map = {}, output_map = {} } = steps[index]!;
      const inputs = Object.values(input_map).map((tensor) => origins.get(tensor));
      if (inputs.includes(undefined)) continue;
      const own = decoupled[index] ? `step ${index} (${model_name})` : (inputs[0] ?? '');
      for (const tensor of Object.values(output_map)) if (!origins.has(tensor)) origins.set(tensor, own);
      waiting.delete(index);
      moved = true;
    }
  }
  return origins;
}

function firstJoin(
  places: readonly Place[],
  origins: ReadonlyMap<string, Origin>,
): { readonly path: string; readonly tensors: (word: string) => string } | undefined {
  const known = places.filter(({ tensor }) => origins.has(tensor));
  const [first] = known;
  const other = known.find(({ tensor }) => origins.get(tensor) !== origins.get(first!.tensor));
  if (!first || !other) return undefined;
  const shown = ({ tensor }: Place) => `'${tensor}' (${stream(origins.get(tensor)!)})`;
  return { path: other.path, tensors: (word) => `${shown(first)}${word}${shown(other)}` };
}

function stream(origin: Origin): string {
  return origin === '' ? 'from the request' : `from decoupled ${origin}`;
}
