import type { CompiledTensor } from '../compiled.ts';
import type { GateTensor } from '../gate/sample.ts';
import { shapesAt } from './profiles.ts';
import type { PlanProfile, TensorrtSettings } from './settings.ts';

/** Files of a build, relative to its folder. */
export const workFiles = { onnx: 'model.onnx', timingCache: 'timing.cache' } as const;

export interface PlanBuild {
  readonly inputs: readonly CompiledTensor[];
  readonly profiles: readonly PlanProfile[];
  readonly settings: TensorrtSettings;
}

/**
 * trtexec's arguments that make the plan. `--stronglyTyped`: types are those in the graph. TensorRT 11 knows no other way
 * and ignores the flag, TensorRT 10 needs it (TensorRT's guide for migrating from 10 to 11).
 */
export function buildArguments({ inputs, profiles, settings }: PlanBuild, folder: string, plan: string): string[] {
  const { workspace, builder_optimization_level: level, hardware_compatibility_level: compatible, tf32 } = settings;
  return [
    `--onnx=${folder}/${workFiles.onnx}`,
    `--saveEngine=${folder}/${plan}`,
    '--stronglyTyped',
    ...(tf32 === true ? [] : ['--noTF32']),
    ...profiles.flatMap(({ min, opt, max }, index) => [
      ...(profiles.length > 1 ? [`--profile=${index}`] : []),
      `--minShapes=${shapesAt(inputs, min)}`,
      `--optShapes=${shapesAt(inputs, opt)}`,
      `--maxShapes=${shapesAt(inputs, max)}`,
    ]),
    ...(workspace === undefined ? [] : [`--memPoolSize=workspace:${workspace}`]),
    ...(level === undefined ? [] : [`--builderOptimizationLevel=${level}`]),
    ...(compatible === undefined ? [] : [`--hardwareCompatibilityLevel=${compatible}`]),
    `--timingCacheFile=${folder}/${workFiles.timingCache}`,
    '--skipInference',
  ];
}

/** The same that run the plan once on `inputs`, which lie as plain bytes in `<folder>/<sample>/<input>.bin`. */
export function runArguments(
  inputs: readonly GateTensor[],
  where: { readonly folder: string; readonly plan: string; readonly sample: string; readonly profile: number },
): string[] {
  const { folder, plan, sample, profile } = where;
  return [
    `--loadEngine=${folder}/${plan}`,
    `--shapes=${inputs.map(({ name, dims }) => `${name}:${dims.join('x')}`).join(',')}`,
    `--loadInputs=${inputs.map(({ name }) => `${name}:${folder}/${sample}/${name}.bin`).join(',')}`,
    `--exportOutput=${folder}/${sample}/outputs.json`,
    ...(profile > 0 ? [`--useProfile=${profile}`] : []),
    '--iterations=1',
    '--warmUp=0',
    '--duration=0',
  ];
}
