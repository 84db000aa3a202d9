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

/**
 * The ensembles that contain themselves, directly or through others: the strongly connected parts of the graph of
 * ensembles and their members (Tarjan's algorithm, with a stack of its own).
 */
export function findCircles(models: ReadonlyMap<string, ModelView>): Set<string> {
  const circular = new Set<string>();
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const edges = (name: string): string[] => {
    const model = models.get(name);
    return model?.parses && model.isEnsemble ? memberNames(model).filter((member) => models.has(member)) : [];
  };
  for (const first of models.keys()) {
    if (index.has(first)) continue;
    const pending: { name: string; members: string[]; next: number }[] = [];
    const enter = (name: string): void => {
      index.set(name, index.size);
      low.set(name, index.get(name)!);
      open.push(name);
      isOpen.add(name);
      pending.push({ name, members: edges(name), next: 0 });
    };
    enter(first);
    while (pending.length > 0) {
      const top = pending.at(-1)!;
      const member = top.members[top.next++];
      if (member !== undefined) {
        if (member === top.name) circular.add(member);
        if (!index.has(member)) enter(member);
        else if (isOpen.has(member)) low.set(top.name, Math.min(low.get(top.name)!, index.get(member)!));
        continue;
      }
      pending.pop();
      const parent = pending.at(-1);
      if (parent !== undefined) low.set(parent.name, Math.min(low.get(parent.name)!, low.get(top.name)!));
      if (low.get(top.name) !== index.get(top.name)) continue;
      const part = open.splice(open.lastIndexOf(top.name));
      for (const name of part) {
        isOpen.delete(name);
        if (part.length > 1) circular.add(name);
      }
    }
  }
  return circular;
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
