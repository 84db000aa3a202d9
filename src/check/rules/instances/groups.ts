import type { ModelInstanceGroup } from '../../../config/index.ts';
import type { ModelView } from '../../view.ts';

const kinds = ['KIND_AUTO', 'KIND_GPU', 'KIND_CPU', 'KIND_MODEL'];

export interface GroupView {
  readonly path: string;
  readonly label: string;
  /** As written; KIND_AUTO when absent; a number that stands for no kind as text. */
  readonly kind: string;
  readonly gpus: readonly number[];
  readonly group: ModelInstanceGroup;
}

/** The instance groups as written; ensembles have none. */
export function groupsOf(model: ModelView): GroupView[] {
  if (model.isEnsemble) return [];
  return (model.written.instance_group ?? []).map((group, index) => ({
    path: `instance_group[${index}]`,
    label: group.name ? `instance group '${group.name}'` : `instance_group[${index}]`,
    kind: typeof group.kind === 'string' ? group.kind : (kinds[group.kind ?? 0] ?? String(group.kind)),
    gpus: group.gpus ?? [],
    group,
  }));
}
