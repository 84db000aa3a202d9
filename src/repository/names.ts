import { ConchError } from '../base/index.ts';

/** Most bytes of one file name on the file systems in use. */
const longestName = 255;

/**
 * `name`, when it can be a model's folder and a part of URLs everywhere; REPOSITORY_INVALID otherwise. Stricter than
 * Triton, which refuses only blank names, `..` and `/`, and only when a model is loaded by request.
 */
export function checkModelName(name: string, what = 'model name'): string {
  const fault = nameFault(name);
  if (fault === undefined) return name;
  throw new ConchError('REPOSITORY_INVALID', `${what} ${JSON.stringify(name)}: ${fault}`, {
    fix: 'use letters, digits, "-" and "_", e.g. "finbert-tokenizer"',
  });
}

function nameFault(name: string): string | undefined {
  if (typeof name !== 'string') return `expected a string, got ${typeof name}`;
  if (name.trim() === '') return 'it is empty';
  if (name !== name.trim()) return 'it starts or ends with white space';
  if (name === '.' || name === '..') return 'it names a folder of the file system, not a model';
  const separator = name.match(/[/\\]/)?.[0];
  if (separator !== undefined) return `it contains the path separator '${separator}'`;
  if (name.startsWith('.')) return 'it starts with a dot, which hides the folder';
  if (/\p{Cc}|\p{Zl}|\p{Zp}/u.test(name)) return 'it contains a control character or line break';
  if (!name.isWellFormed()) return 'it contains half of a surrogate pair';
  const bytes = Buffer.byteLength(name);
  if (bytes > longestName) return `it takes ${bytes} bytes, a file name holds ${longestName}`;
  return undefined;
}

/** `version` as a version that conch writes: an integer from 1 to 2^53 - 1; REPOSITORY_INVALID otherwise. */
export function checkVersion(version: number): number {
  if (Number.isSafeInteger(version) && version >= 1) return version;
  throw new ConchError('REPOSITORY_INVALID', `model version ${version}: expected an integer from 1 to 2^53 - 1`);
}
