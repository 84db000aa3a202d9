import type { Diagnostic } from '../base/index.ts';
import type { ModelEntry } from '../repository/index.ts';

/** A finding as it goes into the report, with what it means for the model. */
export interface Reported {
  readonly diagnostic: Diagnostic;
  /** Whether an error means that the model is not loaded, rather than that requests fail. */
  readonly refuses: boolean;
  /** The model that is at fault, when it is another. */
  readonly because?: string | undefined;
}

type Entries = ReadonlyMap<string, ModelEntry>;

/**
 * What was found about models that have not changed since, for checking one repository again and again with the same
 * target and options. A model's own findings hold while its entry is the same object; an ensemble's while those of all
 * that it is made of are.
 */
export class CheckMemory {
  readonly #own = new WeakMap<ModelEntry, readonly Reported[]>();
  readonly #ensembles = new WeakMap<ModelEntry, { parts: readonly Part[]; found: readonly Reported[] }>();

  ofModel(entry: ModelEntry, judge: () => readonly Reported[]): readonly Reported[] {
    let found = this.#own.get(entry);
    if (found === undefined) {
      found = judge();
      this.#own.set(entry, found);
    }
    return found;
  }

  ofEnsemble(entry: ModelEntry, entries: Entries, judge: () => readonly Reported[]): readonly Reported[] {
    const known = this.#ensembles.get(entry);
    if (known?.parts.every(([name, part]) => entries.get(name) === part)) return known.found;
    const found = judge();
    this.#ensembles.set(entry, { parts: partsOf(entry, entries), found });
    return found;
  }
}

/** A name that an ensemble depends on, and the entry behind it, if there is one. */
type Part = readonly [name: string, entry: ModelEntry | undefined];

/** Everything below an ensemble, through nested ones. */
function partsOf(entry: ModelEntry, entries: Entries): Part[] {
  const parts = new Map<string, ModelEntry | undefined>();
  const pending = [entry];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const { model_name: name } of next.parsed?.config.ensemble_scheduling?.step ?? []) {
      if (name === undefined || parts.has(name)) continue;
      const part = entries.get(name);
      parts.set(name, part);
      if (part !== undefined) pending.push(part);
    }
  }
  return [...parts];
}
