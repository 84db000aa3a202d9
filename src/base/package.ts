import { readFileSync } from 'node:fs';

/** This package's own version, read from its package.json; the same path from `src/base` and from `dist/base`. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
