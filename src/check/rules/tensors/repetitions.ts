import { type DeclaredTensor, tensorsOf } from '../../fields.ts';
import type { ModelView } from '../../view.ts';

/** The inputs or outputs whose name another one before them has. */
export function repetitions(model: ModelView, kind: 'input' | 'output'): DeclaredTensor[] {
  const seen = new Set<string>();
  return tensorsOf(model.written).filter((declared) => {
    const { name } = declared.tensor;
    if (declared.kind !== kind || !name) return false;
    const repeats = seen.has(name);
    seen.add(name);
    return repeats;
  });
}
