import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError, hashBytes } from '../base/index.ts';
import type { ModelEntry } from './entry.ts';
import { manifestFile } from './manifest.ts';
import { readModel } from './open.ts';
import { exists } from './staging.ts';

/**
 * The texts in a model's folder that conch would overwrite but did not write, by file name: those that differ from
 * what the manifest says, and without a manifest all there are. COMPILE_FAILED, naming --force, when there are any and
 * `force` is not set; it is also raised for a model without a manifest that has versions only.
 */
export async function handEdits(modelDir: string, force: boolean): Promise<Record<string, string>> {
  if (!(await exists(modelDir))) return {};
  const entry = await readModel(modelDir);
  const { manifest, configFile, versions } = entry;
  const edits = await textsNotWritten(entry);
  const found = Object.keys(edits);
  if (force) return edits;
  if (manifest === undefined && (configFile !== undefined || versions.length > 0)) {
    const there = [...found, ...versions.map(({ folder }) => `${folder}/`)];
    throw refusal(modelDir, there, `conch did not make this model: ${there.join(', ')} without a ${manifestFile}`);
  }
  if (found.length > 0) throw refusal(modelDir, found, `edited by hand since the last compile: ${found.join(', ')}`);
  return edits;
}

/** Names of the texts beside a model's versions that were edited by hand since the last compile. */
export async function editedByHand(entry: ModelEntry): Promise<string[]> {
  return entry.manifest === undefined ? [] : Object.keys(await textsNotWritten(entry));
}

/** Texts that are not what the manifest says, by file name; without a manifest, all that a compile would overwrite. */
async function textsNotWritten({ dir, manifest, labels }: ModelEntry): Promise<Record<string, string>> {
  const files = manifest === undefined ? ['config.pbtxt', ...Object.keys(labels)] : writtenTexts(manifest.artifacts);
  const texts: Record<string, string> = {};
  for (const file of files) {
    const path = join(dir, file);
    if (!(await exists(path))) continue;
    const text = await readFile(path, 'utf8');
    if (hashBytes(text) !== manifest?.artifacts[file]?.hash) texts[file] = text;
  }
  return texts;
}

/** The files beside the version folders. */
function writtenTexts(artifacts: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(artifacts).filter((file) => !file.includes('/'));
}

function refusal(modelDir: string, files: readonly string[], what: string): ConchError {
  return new ConchError('COMPILE_FAILED', `${modelDir}: ${what}`, {
    where: { file: join(modelDir, files[0]!) },
    fix: 'put the change into the deployment file, or compile with --force to overwrite it (texts are kept as .orig)',
  });
}
