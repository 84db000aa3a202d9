import { editConfig, parseConfig } from '../../config/index.ts';

/** A config.pbtxt with so many instances in its first group, which keeps its kind; an ensemble has none and stays as it is. */
export function withInstances(text: string, instances: number): string {
  const { config } = parseConfig(text);
  if (config.ensemble_scheduling) return text;
  const value = config.instance_group?.length ? instances : [{ count: instances, kind: 'KIND_AUTO' }];
  return editConfig(text, [
    { path: config.instance_group?.length ? 'instance_group[0].count' : 'instance_group', value },
  ]);
}
