import type { ServerCase } from './cases.ts';

/** A case's model repository, by path. */
export function filesOf({ models }: ServerCase): Record<string, string> {
  return Object.fromEntries(
    Object.entries(models).flatMap(([name, { config, source }]) => [
      [`${name}/config.pbtxt`, config],
      [`${name}/1/model.py`, source],
    ]),
  );
}
