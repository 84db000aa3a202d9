import type { DeploymentEdit } from './edit-deployment.ts';
import type { Point, Space } from './space.ts';

/**
 * What a deployment file must have changed for a point. Of a checkpoint that becomes three models, `<name>-model` and
 * `<name>-tokenizer` have their own part (`model`, `tokenizer`), and batch size and precision are the whole's.
 */
export function deploymentEdits(space: Space, point: Point, name: string, isCheckpoint: boolean): DeploymentEdit[] {
  return space.dimensions.flatMap(({ model, setting, values, present }, at): DeploymentEdit[] => {
    if (point[at] === present) return [];
    const value = values[point[at]!];
    const part = isCheckpoint && model !== name ? [model === `${name}-tokenizer` ? 'tokenizer' : 'model'] : [];
    const parameter = (key: string): DeploymentEdit[] => [
      { path: [...part, 'parameters', key], value: value === undefined ? undefined : { string_value: String(value) } },
    ];
    switch (setting) {
      case 'instances':
        return [{ path: [...part, 'instance_group'], value: [{ count: value, kind: 'KIND_AUTO' }] }];
      case 'threads':
        return parameter('intra_op_thread_count');
      case 'max_batch_tokens':
        return parameter('conch.max_batch_tokens');
      case 'max_batch_size':
        return [{ path: ['max_batch_size'], value }];
      case 'precision':
        return [{ path: ['precision'], value }];
      case 'preferred_batch_size': {
        const sizes = value === undefined ? undefined : [value];
        return [{ path: [...part, 'dynamic_batching', 'preferred_batch_size'], value: sizes }];
      }
      default:
        return [{ path: [...part, 'dynamic_batching', setting], value }];
    }
  });
}
