import { mappings, stepsOf } from './steps.ts';
import type { ModelView } from './view.ts';

/** A tensor of an ensemble, as its steps connect it. */
export interface FlowTensor {
  readonly name: string;
  /** Where a step first mentions it. */
  readonly path: string;
  /** The steps that write it, by index, each with the place of the mapping. */
  readonly producers: { readonly step: number; readonly path: string }[];
  /** The steps that read it, by index. */
  readonly consumers: number[];
  /** Whether data can get there from the ensemble's inputs. */
  ready: boolean;
}

export interface Flow {
  readonly tensors: ReadonlyMap<string, FlowTensor>;
  /** Steps that never run, each with an input that never arrives. */
  readonly stuck: ReadonlyMap<number, string>;
  /** Whether a tensor is read that no step writes and that is no input: what waits for it is a consequence. */
  readonly hasGap: boolean;
}

/**
 * How data moves through an ensemble: from its inputs, through every step whose inputs have all arrived, until nothing
 * moves (as Triton's core does when it validates an ensemble). Undefined while steps or their maps are missing: what
 * is not connected then is a consequence.
 */
export function traceFlow(model: ModelView): Flow | undefined {
  const views = stepsOf(model);
  const isWhole = views.every(({ step }) => hasEntries(step.input_map) && hasEntries(step.output_map));
  if (views.length === 0 || !isWhole) return undefined;
  const tensors = new Map<string, FlowTensor>();
  const touch = (name: string, path: string): FlowTensor => {
    const known = tensors.get(name);
    if (known !== undefined) return known;
    const tensor: FlowTensor = { name, path, producers: [], consumers: [], ready: false };
    tensors.set(name, tensor);
    return tensor;
  };
  const steps = views.map((view) => ({
    index: view.index,
    inputs: mappings(view, 'input_map').map(({ tensor, path }) => touch(tensor, path)),
    outputs: mappings(view, 'output_map').map(({ tensor, path }) => ({ tensor: touch(tensor, path), path })),
  }));
  for (const { index, inputs, outputs } of steps) {
    for (const tensor of inputs) tensor.consumers.push(index);
    for (const { tensor, path } of outputs) tensor.producers.push({ step: index, path });
  }
  for (const { name } of model.written.input ?? []) {
    const tensor = tensors.get(name ?? '');
    if (tensor !== undefined) tensor.ready = true;
  }
  const waiting = new Map(steps.map((step) => [step.index, step.inputs.filter((one) => !one.ready).length]));
  const runnable = steps.filter((step) => waiting.get(step.index) === 0);
  const ran = new Set<number>();
  for (let step = runnable.pop(); step !== undefined; step = runnable.pop()) {
    if (ran.has(step.index)) continue;
    ran.add(step.index);
    for (const { tensor } of step.outputs) {
      if (tensor.ready) continue;
      tensor.ready = true;
      for (const index of tensor.consumers) {
        const left = waiting.get(index)! - 1;
        waiting.set(index, left);
        if (left <= 0) runnable.push(steps[index]!);
      }
    }
  }
  const stuck = new Map<number, string>();
  for (const { index, inputs } of steps) {
    if (!ran.has(index)) stuck.set(index, inputs.find((one) => !one.ready)?.name ?? '');
  }
  const hasGap = [...tensors.values()].some((one) => !one.ready && one.producers.length === 0);
  return { tensors, stuck, hasGap };
}

function hasEntries(map: Readonly<Record<string, string>> | undefined): boolean {
  return Object.keys(map ?? {}).length > 0;
}
