import { join, normalize } from 'node:path';
import { dimsOf } from '../../../config/index.ts';
import { datatypeFromConfig } from '../../../tensor/index.ts';
import type { ModelRule } from '../../rule.ts';
import { elementsOf } from '../../shapes.ts';
import { samplesOf } from './samples.ts';

export const file: ModelRule = {
  code: 'warmup/file',
  severity: 'error',
  summary: 'The data file of a warm-up input exists in `warmup/` and is long enough.',
  why: 'Triton reads the file when an instance is made and refuses the model when it is missing or shorter than the tensor. A longer file is cut; for STRING the whole file is taken, each element behind its length in 4 bytes.',
  fix: 'Put a file with at least that many bytes (little-endian, row-major) into `warmup/`, or use `zero_data: true`.',
  *check(model) {
    for (const { label, inputs } of samplesOf(model)) {
      for (const { name, path, data } of inputs) {
        if (data.input_data_file === undefined) continue;
        const at = `${path}.input_data_file`;
        const relative = normalize(join('warmup', data.input_data_file));
        const size = relative.startsWith('warmup/')
          ? model.repository.files.sizeOf(join(model.entry.dir, relative))
          : undefined;
        if (size === undefined) {
          yield { path: at, message: `${label} reads warmup/${data.input_data_file}, which does not exist` };
          continue;
        }
        const elements = elementsOf(dimsOf(data));
        const width = datatypeFromConfig(String(data.data_type))?.size ?? 0;
        if (elements === undefined || size >= elements * width) continue;
        const needs = `input '${name}' needs ${elements * width}`;
        yield { path: at, message: `${label} reads warmup/${data.input_data_file} with ${size} bytes, ${needs}` };
      }
    }
  },
};
