import { join } from 'node:path';
import { hashFile, hashValue } from '../base/index.ts';
import type { ModelEntry, ModelRepository } from '../repository/index.ts';

/** What a model is at the moment: it changes exactly when a file of it does. */
export interface ModelContent {
  readonly model: string;
  readonly hash: string;
  /** Hashes of its files, by path below the model's folder; without conch.json, which also tells when it was made. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The content of every model, by hashes. Those of the files that conch wrote are taken from conch.json, as long as their
 * sizes are what it says; every other file, and config.pbtxt in any case, is read.
 */
export async function contentOf(repository: ModelRepository): Promise<ModelContent[]> {
  return Promise.all(
    repository.models.map(async (entry) => {
      const files = await filesOf(entry);
      return { model: entry.name, hash: hashValue(files), files };
    }),
  );
}

async function filesOf(entry: ModelEntry): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const known = entry.manifest?.artifacts ?? {};
  for (const name of entry.files) if (name !== 'conch.json') files[name] = await hashFile(join(entry.dir, name));
  for (const { folder, dir, files: found } of entry.versions) {
    for (const { path, size } of found) {
      if (path.includes('__pycache__')) continue;
      const below = `${folder}/${path}`;
      const recorded = Object.hasOwn(known, below) ? known[below] : undefined;
      files[below] = recorded?.size === size ? recorded.hash : await hashFile(join(dir, path));
    }
  }
  return files;
}
