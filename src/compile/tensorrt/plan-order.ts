import type { Target } from '../../onnx/index.ts';
import type { CompiledTensor } from '../compiled.ts';
import type { GateTensor, Sample } from '../gate/sample.ts';
import { type Builder, buildersFor, shellLine } from './builder.ts';
import type { PlanProfile, TensorrtSettings } from './settings.ts';
import { buildArguments, runArguments } from './trtexec.ts';

/** All that decides which commands make a plan. */
export interface PlanOrder {
  /** Of the model that becomes a plan. */
  readonly name: string;
  /** Its name in the deployment. */
  readonly deployed: string;
  readonly target: Target;
  readonly settings: TensorrtSettings;
  readonly inputs: readonly CompiledTensor[];
  readonly profiles: readonly PlanProfile[];
  /** What the plan is compared with the ONNX on. */
  readonly samples: readonly Sample[];
  /** Absolute folder that holds the ONNX and gets the plan. */
  readonly work: string;
  /** The interpreter for `where: 'python'`. */
  readonly python: string;
}

/** A command of the plan. */
export interface PlanStep {
  readonly does: 'environment' | 'build' | 'run';
  readonly command: readonly string[];
}

export interface BuilderSteps {
  readonly builder: Builder;
  readonly environment?: PlanStep;
  readonly build: PlanStep;
  readonly runs: readonly PlanStep[];
}

/** The commands that make and try the plans, by builder. */
export function stepsOf(order: PlanOrder): readonly BuilderSteps[] {
  return buildersFor(order.settings, order).map((builder) => {
    const { folder, plan, environment } = builder;
    return {
      builder,
      ...(environment && { environment: { does: 'environment' as const, command: environment } }),
      build: { does: 'build', command: builder.command(buildArguments(order, folder, plan)) },
      runs: order.samples.map(({ inputs }, index) => ({
        does: 'run',
        command: builder.command(
          runArguments(inputs, {
            ...{ folder, plan, sample: sampleFolder(index) },
            profile: profileOf(inputs, order),
          }),
        ),
      })),
    };
  });
}

export function sampleFolder(index: number): string {
  return `sample-${index}`;
}

/** The first profile that takes these inputs; the first of all where none does. */
function profileOf(given: readonly GateTensor[], { profiles, inputs }: PlanOrder): number {
  return Math.max(
    profiles.findIndex((profile) => takes(profile, given, inputs)),
    0,
  );
}

/** Whether a profile takes tensors of these sizes: the batch, and what varies beside it. */
export function takes(
  { min, max }: PlanProfile,
  given: readonly GateTensor[],
  inputs: readonly CompiledTensor[],
): boolean {
  return given.every(({ name, dims: [batch = 1, ...sizes] }) => {
    if (batch < min.batch || batch > max.batch) return false;
    const declared = inputs.find((input) => input.name === name)?.dims ?? [];
    return sizes.every(
      (size, axis) => declared[axis] !== -1 || ((min.sequence ?? 1) <= size && size <= (max.sequence ?? size)),
    );
  });
}

/** What `conch compile --dry-run` says of a model. */
export interface DryRun {
  readonly name: string;
  readonly target: string;
  /** TensorRT that the plan must be of; null where only the image can tell. */
  readonly tensorrt: string | null;
  readonly work: string;
  readonly profiles: readonly PlanProfile[];
  readonly plans: readonly { readonly plan: string; readonly computeCapability?: string }[];
  readonly steps: readonly { readonly does: string; readonly command: readonly string[]; readonly shell: string }[];
}

export function dryRunOf(order: PlanOrder, wanted: string | undefined): DryRun {
  const builders = stepsOf(order);
  return {
    name: order.name,
    target: order.target.name,
    tensorrt: wanted ?? null,
    work: order.work,
    profiles: order.profiles,
    plans: builders.map(({ builder: { plan, computeCapability } }) => ({
      plan,
      ...(computeCapability !== undefined && { computeCapability }),
    })),
    steps: builders.flatMap(({ environment, build, runs }) =>
      [...(environment ? [environment] : []), build, ...runs].map(({ does, command }) => ({
        does,
        command,
        shell: shellLine(command),
      })),
    ),
  };
}
