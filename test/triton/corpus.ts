import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A folder with the models that lie directly in it; other things beside them are none of a repository's. */
export interface FoundRepository {
  readonly folder: string;
  readonly models: readonly string[];
}

/**
 * Every model repository at or below a folder: wherever folders hold a config.pbtxt, or a version folder with a model
 * file. Repositories lie within others, too, as in Triton's own test corpus.
 */
export function repositoriesIn(folder: string): FoundRepository[] {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['.git', 'node_modules'].includes(entry.name))
    .map(({ name }) => name)
    .sort();
  const models = names.filter((name) => isModel(join(folder, name)));
  const below = names.flatMap((name) => repositoriesIn(join(folder, name)));
  return models.length > 0 ? [{ folder, models }, ...below] : below;
}

function isModel(folder: string): boolean {
  const entries = readdirSync(folder);
  if (entries.includes('config.pbtxt')) return true;
  return entries
    .filter((name) => /^\d+$/.test(name))
    .some((name) => {
      const path = join(folder, name);
      return readdirSync(path, { withFileTypes: true }).some(
        (entry) => entry.isFile() && /^model\.(onnx|py|pt|plan|xml|graphdef)$/.test(entry.name),
      );
    });
}

/**
 * Copies a repository's models to `root`. A model.py beside config.pbtxt, without any version folder, becomes version 1,
 * and an ensemble without one gets it empty: test corpora leave that to their scripts.
 */
export function copyRepository({ folder, models }: FoundRepository, root: string): void {
  for (const name of models) {
    const [from, to] = [join(folder, name), join(root, name)];
    cpSync(from, to, { recursive: true });
    if (readdirSync(to).some((entry) => /^\d+$/.test(entry))) continue;
    mkdirSync(join(to, '1'));
    if (existsSync(join(from, 'model.py'))) cpSync(join(from, 'model.py'), join(to, '1/model.py'));
  }
}
