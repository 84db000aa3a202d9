import type { ConfigEdit, ModelConfig } from '../../config/index.ts';

/** A value that a setting may take; undefined: the setting is left out. */
export type SettingValue = number | string | undefined;

/** One setting of one model. */
export interface Dimension {
  /** The model whose configuration it is in. */
  readonly model: string;
  readonly setting: Setting;
  /** In ascending order where they have one. */
  readonly values: readonly SettingValue[];
  /** Which of them the configuration has now. */
  readonly present: number;
  /** Names whose distance means nothing. */
  readonly categorical?: boolean;
}

export type Setting =
  | 'instances'
  | 'threads'
  | 'max_batch_size'
  | 'max_queue_delay_microseconds'
  | 'preferred_batch_size'
  | 'max_batch_tokens'
  | 'precision';

/** The values' places, a number for each dimension. */
export type Point = readonly number[];

/** All settings that are searched through. */
export class Space {
  readonly dimensions: readonly Dimension[];

  constructor(dimensions: readonly Dimension[]) {
    this.dimensions = dimensions;
  }

  /** As the configuration is now. */
  get present(): Point {
    return this.canonical(this.dimensions.map(({ present }) => present));
  }

  valueOf(point: Point, setting: Setting, model: string): SettingValue {
    const at = this.dimensions.findIndex((one) => one.setting === setting && one.model === model);
    return at < 0 ? undefined : this.dimensions[at]!.values[point[at]!];
  }

  /**
   * The same point for all that mean the same: without batches delay, preferred sizes and budgets are nothing, and to
   * prefer the limit or more is to prefer nothing.
   */
  canonical(point: Point): Point {
    const batch = this.dimensions.findIndex(({ setting }) => setting === 'max_batch_size');
    if (batch < 0) return point;
    const largest = Number(this.dimensions[batch]!.values[point[batch]!]);
    const idle = ['max_queue_delay_microseconds', 'preferred_batch_size', 'max_batch_tokens'];
    return point.map((index, at) => {
      const { setting, values } = this.dimensions[at]!;
      const without = values.indexOf(undefined);
      if (without < 0) return index;
      if (largest <= 1 && idle.includes(setting)) return without;
      return setting === 'preferred_batch_size' && Number(values[index]) >= largest ? without : index;
    });
  }

  /** Every point once. */
  all(): Point[] {
    let points: number[][] = [[]];
    for (const { values } of this.dimensions) {
      points = points.flatMap((point) => values.map((_, index) => [...point, index]));
    }
    const seen = new Map<string, Point>();
    for (const point of points) {
      const one = this.canonical(point);
      seen.set(one.join(), one);
    }
    return [...seen.values()];
  }

  get size(): number {
    return this.dimensions.reduce((product, { values }) => product * values.length, 1);
  }

  /** `instances 2, threads 1, max_batch_size 32`; of several models with their names. */
  describe(point: Point): string {
    const models = new Set(this.dimensions.map(({ model }) => model));
    return this.dimensions
      .flatMap(({ model, setting, values }, at) => {
        const value = values[point[at]!];
        if (value === undefined) return [];
        return [`${models.size > 1 ? `${model} ` : ''}${settingName(setting)} ${value}`];
      })
      .join(', ');
  }
}

export function settingName(setting: Setting): string {
  return setting === 'max_batch_tokens' ? 'conch.max_batch_tokens' : setting;
}

/** What a model's config.pbtxt must have changed for a point; precision is a matter of files. */
export function editsFor(space: Space, point: Point, model: string, config: ModelConfig): ConfigEdit[] {
  const edits: ConfigEdit[] = [];
  const hasGroup = (config.instance_group?.length ?? 0) > 0;
  const preferred = config.dynamic_batching?.preferred_batch_size ?? [];
  const batch = space.dimensions.findIndex(({ setting }) => setting === 'max_batch_size');
  const largest = batch < 0 ? undefined : space.dimensions[batch]!.values[point[batch]!];
  for (const [at, dimension] of space.dimensions.entries()) {
    const { setting, present, values } = dimension;
    const value = values[point[at]!];
    const changed = point[at] !== present;
    // Batches of an ensemble's models have one limit.
    if (setting === 'max_batch_size') edits.push(...(changed ? [{ path: 'max_batch_size', value }] : []));
    else if (dimension.model !== model) continue;
    else if (changed) edits.push(...editOf(setting, value, hasGroup));
  }
  // Sizes that a server has completed by itself, or that a larger limit had room for.
  const isSet = edits.some(({ path }) => path === 'dynamic_batching.preferred_batch_size');
  if (!isSet && largest !== undefined && preferred.some((size) => Number(size) > Number(largest)))
    edits.push({ path: 'dynamic_batching.preferred_batch_size', value: undefined });
  return edits;
}

function editOf(setting: Setting, value: SettingValue, hasGroup: boolean): ConfigEdit[] {
  const parameter = (key: string): ConfigEdit[] => [
    value === undefined
      ? { path: `parameters["${key}"]`, value: undefined }
      : { path: `parameters["${key}"]`, value: { string_value: String(value) } },
  ];
  switch (setting) {
    case 'instances':
      if (hasGroup) return [{ path: 'instance_group[0].count', value }];
      return [{ path: 'instance_group', value: [{ count: value, kind: 'KIND_AUTO' }] }];
    case 'threads':
      return parameter('intra_op_thread_count');
    case 'max_queue_delay_microseconds':
      return [{ path: 'dynamic_batching.max_queue_delay_microseconds', value }];
    case 'preferred_batch_size': {
      const sizes = value === undefined ? undefined : [value];
      return [{ path: 'dynamic_batching.preferred_batch_size', value: sizes }];
    }
    case 'max_batch_tokens':
      return parameter('conch.max_batch_tokens');
    default:
      return [];
  }
}
