import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { printConfig } from '../../config/index.ts';
import { readModel } from '../open.ts';
import { type InferOptions, inferConfig } from './infer.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');
let root: string;

/** Gives every test of a file a repository of its own. */
export function freshRepository(): void {
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'conch-infer-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
}

/** A path in the folder of the model `m`. */
export function inModel(...path: string[]): string {
  return join(root, 'm', ...path);
}

/** Writes files of the model `m`; content that starts with `@` is a fixture. */
export async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = inModel(path);
    await mkdir(dirname(file), { recursive: true });
    if (content.startsWith('@')) await copyFile(join(fixtures, content.slice(1)), file);
    else await writeFile(file, content);
  }
}

/** What is inferred for `m` with these files, in a form to compare. */
export async function infer(files: Readonly<Record<string, string>>, options?: InferOptions) {
  await write(files);
  const { config, changes, notes, gaps } = await inferConfig(await readModel(inModel(), { inspect: true }), options);
  return {
    config,
    text: printConfig(config),
    changes: changes.map(({ path, by }) => `${path} ${by}`),
    notes,
    gaps: gaps.map(({ path, needs }) => `${path}: ${needs}`),
  };
}
