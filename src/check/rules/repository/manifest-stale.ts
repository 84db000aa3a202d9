import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const manifestStale: ModelRule = {
  code: 'repository/manifest-stale',
  severity: 'warning',
  summary: 'What conch.json says was written is still there, in the same size.',
  why: 'conch.json records every file of a compiled version. A file that is gone or of another size was changed by hand or copied only in part, and validation results no longer speak for it.',
  fix: 'Compile the model again, or remove conch.json if the change was meant.',
  *check({ entry }) {
    const { manifest } = entry;
    if (manifest === undefined) return;
    const sizes = new Map(
      entry.versions.flatMap(({ folder, files }) => files.map((one) => [`${folder}/${one.path}`, one.size])),
    );
    for (const [path, { size }] of Object.entries(manifest.artifacts)) {
      if (!/^\d+\//.test(path)) continue;
      const now = sizes.get(path);
      if (now === size) continue;
      yield {
        file: join(entry.dir, 'conch.json'),
        message:
          now === undefined
            ? `conch.json lists ${path} (${size} bytes), which is not there`
            : `${path} has ${now} bytes, but ${size} were written according to conch.json`,
      };
    }
  },
};
