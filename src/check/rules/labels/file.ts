import { join } from 'node:path';
import { isLabelFault } from '../../reader.ts';
import type { ModelRule } from '../../rule.ts';

export const file: ModelRule = {
  code: 'labels/file',
  severity: 'error',
  summary: 'Every `label_filename` is a file in the model folder.',
  why: 'Triton reads label files when it loads a model, ensembles included, and refuses the model when one is missing. A name that leads out of the folder is refused as well by current releases. A folder in its place has been seen to crash the server.',
  fix: 'Put the file (one label a line, in the order of classes) beside config.pbtxt, or remove `label_filename`.',
  *check(model) {
    const { entry } = model;
    for (const [index, output] of (model.written.output ?? []).entries()) {
      const name = output.label_filename;
      if (!name || Object.hasOwn(entry.labels, name)) continue;
      const place = join(entry.dir, name);
      const found = entry.diagnostics.find((one) => isLabelFault(one) && one.where.file === place);
      const why = found?.message ?? `${model.name}/${name} is not there`;
      yield {
        path: `output[${index}].label_filename`,
        message: `label_filename '${name}' of output '${output.name ?? ''}' cannot be read: ${why}`,
      };
    }
  },
};
