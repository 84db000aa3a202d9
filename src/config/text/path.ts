/** One step of a path: `input`, `[0]` or `["key"]`. */
export type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'key'; readonly key: string };

const step = /\.?([A-Za-z_]\w*)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The steps of a path such as `input[0].dims[1]` or `parameters["k"].value.string_value`; undefined when malformed. */
export function parsePath(path: string): Step[] | undefined {
  const steps: Step[] = [];
  for (step.lastIndex = 0; step.lastIndex < path.length; ) {
    const isFirst = step.lastIndex === 0;
    const match = step.exec(path);
    if (match === null) return undefined;
    const [whole, name, index, key] = match;
    if (isFirst !== (name !== undefined && !whole.startsWith('.')) && (isFirst || name !== undefined)) return undefined;
    if (name !== undefined) steps.push({ kind: 'field', name });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else {
      const unquoted = unquote(key!);
      if (unquoted === undefined) return undefined;
      steps.push({ kind: 'key', key: unquoted });
    }
  }
  return steps.length === 0 ? undefined : steps;
}

function unquote(key: string): string | undefined {
  try {
    return JSON.parse(key) as string;
  } catch {
    return undefined;
  }
}

/** The path that `parsePath` reads as these steps. */
export function formatPath(steps: readonly Step[]): string {
  return steps
    .map((one, index) => {
      if (one.kind === 'field') return index === 0 ? one.name : `.${one.name}`;
      return one.kind === 'index' ? `[${one.index}]` : `[${JSON.stringify(one.key)}]`;
    })
    .join('');
}
