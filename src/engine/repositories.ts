import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError } from '../base/index.ts';
import { listModels } from '../repository/index.ts';

/** The folders that models come from. A name that two of them have belongs to neither (Triton's repository manager). */
export class Repositories {
  readonly roots: readonly string[];

  constructor(roots: readonly string[]) {
    this.roots = roots;
  }

  /** All model names, ascending, and those that occur in more than one folder. Throws when a folder cannot be read. */
  async list(): Promise<{ readonly names: readonly string[]; readonly ambiguous: ReadonlySet<string> }> {
    const found = (await Promise.all(this.roots.map((root) => listModels(root)))).flat().sort();
    return { names: [...new Set(found)], ambiguous: new Set(found.filter((name, at) => found[at - 1] === name)) };
  }

  /** The model's folder. Throws MODEL_NOT_FOUND, which Triton answers with INTERNAL to a load. */
  async dirOf(name: string): Promise<string> {
    const dirs: string[] = [];
    for (const root of this.roots) if (await isFolder(join(root, name))) dirs.push(join(root, name));
    if (dirs.length === 1) return dirs[0]!;
    if (dirs.length > 1) throw ambiguous(name, dirs);
    throw new ConchError(
      'MODEL_NOT_FOUND',
      `model '${name}' cannot be loaded: ${this.roots.join(' and ')} has no such folder`,
      {
        status: 'INTERNAL',
      },
    );
  }
}

function ambiguous(name: string, dirs: readonly string[]): ConchError {
  return new ConchError('REPOSITORY_INVALID', `model '${name}' is in more than one repository: ${dirs.join(' and ')}`, {
    status: 'INTERNAL',
    fix: `remove '${name}' from all of them but one`,
  });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
