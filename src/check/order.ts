import type { ModelView } from './view.ts';

/** The ensembles that parse, each after those that it is made of; in a circle the order is that of the names. */
export function membersFirst(models: ReadonlyMap<string, ModelView>): ModelView[] {
  const ordered: ModelView[] = [];
  const visited = new Set<string>();
  // A stack of our own: a chain of ensembles may be deeper than the engine's.
  const pending: { model: ModelView; leave: boolean }[] = [];
  for (const first of models.values()) {
    pending.push({ model: first, leave: false });
    while (pending.length > 0) {
      const { model, leave } = pending.pop()!;
      if (leave) ordered.push(model);
      if (leave || visited.has(model.name) || !model.isEnsemble || !model.parses) continue;
      visited.add(model.name);
      pending.push({ model, leave: true });
      for (const name of memberNames(model).reverse()) {
        const member = models.get(name);
        if (member !== undefined) pending.push({ model: member, leave: false });
      }
    }
  }
  return ordered;
}

/** The models that an ensemble's steps name, once each, in order. */
export function memberNames(model: ModelView): string[] {
  const steps = model.written.ensemble_scheduling?.step ?? [];
  return [...new Set(steps.flatMap((step) => (step.model_name ? [step.model_name] : [])))];
}

/** All models that an ensemble runs, directly or through other ensembles, once each. */
export function membersWithin(model: ModelView): Set<string> {
  const found = new Set<string>();
  const pending = [model];
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    for (const name of one.isEnsemble ? memberNames(one) : []) {
      const member = model.repository.models.get(name);
      if (found.has(name) || member === undefined) continue;
      found.add(name);
      pending.push(member);
    }
  }
  return found;
}

/** The shortest way from an ensemble through its members back to it, e.g. `[a, b, a]`; undefined when there is none. */
export function circleThrough(model: ModelView): string[] | undefined {
  const { models } = model.repository;
  const from = new Map<string, string>();
  let frontier = [model.name];
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const name of frontier) {
      const here = models.get(name);
      for (const member of here?.isEnsemble ? memberNames(here) : []) {
        if (from.has(member)) continue;
        from.set(member, name);
        if (member === model.name) return wayBack(from, member);
        next.push(member);
      }
    }
    frontier = next;
  }
  return undefined;
}

function wayBack(from: ReadonlyMap<string, string>, end: string): string[] {
  const way = [end];
  let at = end;
  do {
    at = from.get(at)!;
    way.unshift(at);
  } while (at !== end);
  return way;
}
