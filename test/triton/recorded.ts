import { existsSync, readFileSync } from 'node:fs';
import type { CaseAnswer } from './oracle.ts';

/** A case's answers, with the hash of the files they were given for. */
export interface Recorded extends CaseAnswer {
  readonly files: string;
}

/** What test/triton/record.ts wrote, by case name. */
export function readRecorded(): Record<string, Recorded> {
  const path = new URL('recorded.json', import.meta.url);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}
