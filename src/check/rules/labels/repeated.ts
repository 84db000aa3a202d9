import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const repeated: ModelRule = {
  code: 'labels/repeated',
  severity: 'warning',
  summary: 'No label stands twice in a label file, and none is blank.',
  why: 'Clients tell classes apart by their labels. Two classes of one name cannot be told apart, and a blank label says nothing.',
  fix: 'Give every class its own label.',
  *check({ entry }) {
    for (const [name, labels] of Object.entries(entry.labels)) {
      const seen = new Map<string, number>();
      for (const [index, label] of labels.entries()) {
        const before = seen.get(label);
        const file = join(entry.dir, name);
        if (label === '') yield { file, line: index + 1, message: `${name}: the label of class ${index} is blank` };
        else if (before !== undefined) {
          const message = `${name}: classes ${before} and ${index} have the same label '${label}'`;
          yield { file, line: index + 1, message };
        } else seen.set(label, index);
      }
    }
  },
};
