import { readFileSync, statSync } from 'node:fs';
import type { DataFiles } from './view.ts';

/** More text than any model.py has; a larger file is not looked into. */
const largestText = 4 * 1024 * 1024;

export const filesOnDisk: DataFiles = {
  sizeOf(path) {
    const status = statSync(path, { throwIfNoEntry: false });
    return status?.isFile() ? status.size : undefined;
  },
  textOf(path) {
    const size = this.sizeOf(path);
    if (size === undefined || size > largestText) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
};
