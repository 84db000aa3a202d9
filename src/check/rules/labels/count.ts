import { join } from 'node:path';
import { dimsOf } from '../../../config/index.ts';
import { labelsOf } from '../../../repository/index.ts';
import type { ModelRule } from '../../rule.ts';
import { elementsOf } from '../../shapes.ts';

export const count: ModelRule = {
  code: 'labels/count',
  severity: 'warning',
  summary: 'A label file has one line for each class of its output.',
  why: 'The classification extension and conch name the class with index i by line i. With too few lines the last classes have no name, and with too many the order is probably not the one of the model.',
  fix: 'Write one label a line, in the order of the output.',
  *check(model) {
    for (const output of model.config.output ?? []) {
      const labels = labelsOf(model.entry, output.name ?? '');
      const classes = elementsOf(dimsOf(output));
      if (labels === undefined || classes === undefined || labels.length === classes) continue;
      yield {
        file: join(model.entry.dir, output.label_filename!),
        line: Math.max(1, Math.min(labels.length, classes + 1)),
        message: `${output.label_filename} has ${labels.length} labels, output '${output.name}' has ${classes} values (dims [${dimsOf(output).join(', ')}])`,
      };
    }
  },
};
