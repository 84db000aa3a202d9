import { readFileSync, statSync } from 'node:fs';
import type { DataFiles } from './view.ts';

/** More than any model.py or warm-up text has; a larger file is not looked into. */
const largest = 4 * 1024 * 1024;

export const filesOnDisk: DataFiles = {
  sizeOf(path) {
    const status = statSync(path, { throwIfNoEntry: false });
    return status?.isFile() ? status.size : undefined;
  },
  read(path) {
    const size = this.sizeOf(path);
    if (size === undefined || size > largest) return undefined;
    try {
      return readFileSync(path);
    } catch {
      return undefined;
    }
  },
};
