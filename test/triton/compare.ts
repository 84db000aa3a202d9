/** Paths at which two JSON values differ, with both sides; lists are compared by position. */
export function differences(ours: unknown, theirs: unknown, path = ''): string[] {
  if (Object.is(ours, theirs)) return [];
  if (isContainer(ours) && isContainer(theirs) && Array.isArray(ours) === Array.isArray(theirs)) {
    const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    return [...keys].flatMap((key) =>
      differences(
        (ours as Record<string, unknown>)[key],
        (theirs as Record<string, unknown>)[key],
        Array.isArray(ours) ? `${path}[${key}]` : path ? `${path}.${key}` : key,
      ),
    );
  }
  return [`${path}: ours ${JSON.stringify(ours)}, Triton's ${JSON.stringify(theirs)}`];
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
