import { ConchError } from '../../base/index.ts';
import { type ModelConfig, toInteger } from '../../config/index.ts';

/** One of a model's instances as its config's `instance_group` describes it. */
export interface InstancePlace {
  /** As Triton names it: the group's name (`<model>_<group>`), then the number in the group. */
  readonly name: string;
  /** As models are told: `CPU`, `GPU` or `MODEL`. */
  readonly kind: string;
  /** The first of the group's `gpus`; 0 without one, as in Triton. */
  readonly deviceId: number;
}

/** All instances of a model, in order; one when the config says nothing. Throws MODEL_LOAD_FAILED above `most`. */
export function instancePlaces(config: ModelConfig, most: number): InstancePlace[] {
  const groups = config.instance_group ?? [];
  const places: InstancePlace[] = [];
  for (const [index, group] of groups.entries()) {
    if (group.passive) continue;
    const count = Math.max(1, toInteger(group.count));
    if (places.length + count > most) {
      throw new ConchError(
        'MODEL_LOAD_FAILED',
        `instance_group asks for more than ${most} instances, the most that are started`,
        { where: { path: `instance_group[${index}].count` } },
      );
    }
    const kind = String(group.kind ?? 'KIND_AUTO').replace(/^KIND_/, '');
    for (let number = 0; number < count; number++) {
      places.push({
        name: `${group.name || `${config.name}_${index}`}_${number}`,
        kind: kind === 'AUTO' ? 'CPU' : kind,
        deviceId: Number(group.gpus?.[0] ?? 0),
      });
    }
  }
  return places.length > 0 ? places : [{ name: `${config.name}_0_0`, kind: 'CPU', deviceId: 0 }];
}

/** Which of the places an instance has that the pool calls `<model>_<index>`; the same again after a restart. */
export function placeOf(places: readonly InstancePlace[], instance: string): InstancePlace {
  return places[indexOf(instance)] ?? places[0]!;
}

export function indexOf(instance: string): number {
  return Number(instance.slice(instance.lastIndexOf('_') + 1));
}
