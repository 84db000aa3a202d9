import { join, normalize } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const externalData: ModelRule = {
  code: 'onnx/external-data',
  severity: 'error',
  summary: 'Weights kept outside the ONNX file are there, whole, and inside the version folder.',
  why: 'Large models keep their weights in files beside the ONNX file. They are found by name in the same folder: a model copied without them, or with a file cut short, fails to load. A path that leads out of the folder is refused by ONNX Runtime.',
  fix: 'Copy the data file into the version folder, beside the ONNX file.',
  *check(model) {
    for (const { version, summary } of model.onnx) {
      const name = model.config.default_model_filename || 'model.onnx';
      const base = version.files.some((one) => one.path === name) ? join(name, '..') : name;
      const sizes = new Map(version.files.map((one) => [one.path, one.size]));
      for (const location of summary.externalFiles) {
        const path = normalize(join(base, location));
        const needs = summary.externalSizes[location] ?? 0;
        const size = sizes.get(path);
        const file = join(version.dir, name);
        if (path.startsWith('..') || location.startsWith('/')) {
          yield { file, message: `the model keeps weights in '${location}', which leads out of the version folder` };
        } else if (size === undefined) {
          yield {
            file,
            message: `the model keeps weights in '${location}', which version ${version.folder} does not hold`,
          };
        } else if (size < needs) {
          yield { file, message: `'${location}' has ${size} bytes, the model's weights reach to byte ${needs}` };
        }
      }
    }
  },
};
