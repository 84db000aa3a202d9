import type { EnsembleRule } from '../../rule.ts';
import { mappings, type StepView, stepsOf } from '../../steps.ts';
import type { ModelView } from '../../view.ts';

export const decoupledMix: EnsembleRule = {
  code: 'ensemble/decoupled-mix',
  severity: 'error',
  scope: 'ensemble',
  summary: 'A step gets all its inputs from one stream of responses.',
  why: 'A decoupled model answers a request with any number of responses, and each starts its own way through the rest of the ensemble. A step, or the ensemble as a whole, cannot join such a stream with another one, or with tensors of the request itself: Triton refuses the ensemble.',
  fix: 'Route all inputs of the step through the decoupled model, or make that model answer once.',
  *check(model) {
    const origins = trace(model);
    if (origins === undefined) return;
    for (const step of stepsOf(model)) {
      const clash = firstClash(
        mappings(step, 'input_map').map(({ tensor, path }) => ({ tensor, path })),
        origins,
      );
      if (clash === undefined) continue;
      const [first, other] = clash;
      const message = `step ${step.index} (${step.modelName}) joins '${first.tensor}' (${stream(first.origin)}) with '${other.tensor}' (${stream(other.origin)})`;
      yield { path: other.path, message };
      return;
    }
    const outputs = (model.written.output ?? []).map(({ name = '' }, index) => ({
      tensor: name,
      path: `output[${index}]`,
    }));
    const clash = firstClash(outputs, origins);
    if (clash === undefined) return;
    const [first, other] = clash;
    const message = `the ensemble joins its outputs '${first.tensor}' (${stream(first.origin)}) and '${other.tensor}' (${stream(other.origin)})`;
    yield { path: other.path, message };
  },
};

/** '' is the request itself, anything else the decoupled step whose responses a tensor belongs to. */
type Origin = string;

/** Where each tensor comes from, following the steps; undefined when nothing is decoupled. */
function trace(model: ModelView): Map<string, Origin> | undefined {
  const steps = stepsOf(model);
  if (!steps.some(({ member }) => member?.isDecoupled)) return undefined;
  const origins = new Map<string, Origin>((model.written.input ?? []).map(({ name = '' }) => [name, '']));
  const waiting = new Set<StepView>(steps);
  for (let moved = true; moved; ) {
    moved = false;
    for (const step of waiting) {
      const inputs = mappings(step, 'input_map').map(({ tensor }) => origins.get(tensor));
      if (inputs.includes(undefined)) continue;
      const own = step.member?.isDecoupled ? `step ${step.index} (${step.modelName})` : (inputs[0] ?? '');
      for (const { tensor } of mappings(step, 'output_map')) if (!origins.has(tensor)) origins.set(tensor, own);
      waiting.delete(step);
      moved = true;
    }
  }
  return origins;
}

interface Joined {
  readonly tensor: string;
  readonly path: string;
  readonly origin: Origin;
}

function firstClash(
  tensors: readonly { tensor: string; path: string }[],
  origins: ReadonlyMap<string, Origin>,
): [Joined, Joined] | undefined {
  const known = tensors.flatMap((one): Joined[] => {
    const origin = origins.get(one.tensor);
    return origin === undefined ? [] : [{ ...one, origin }];
  });
  const other = known.find((one) => one.origin !== known[0]!.origin);
  return other === undefined ? undefined : [known[0]!, other];
}

function stream(origin: Origin): string {
  return origin === '' ? 'from the request' : `from decoupled ${origin}`;
}
