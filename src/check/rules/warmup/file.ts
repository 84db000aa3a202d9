import { dimsOf, type ModelWarmup_Input } from '../../../config/index.ts';
import { dataPath } from '../../../repository/index.ts';
import { datatypeFromConfig, decodeBytes } from '../../../tensor/index.ts';
import { count } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';
import { elementsOf } from '../../shapes.ts';
import type { ModelView } from '../../view.ts';
import { samplesOf } from './samples.ts';

export const file: ModelRule = {
  code: 'warmup/file',
  severity: 'error',
  summary: 'The data file of a warm-up input exists in `warmup/` and holds enough.',
  why: 'Triton reads the file when an instance is made and refuses the model when it is missing or shorter than the tensor. A longer file is cut. For STRING the whole file is taken, each element behind its length in 4 bytes (little-endian); one that does not add up has been seen to crash the server.',
  fix: 'Put a file with the right bytes (little-endian, row-major) into `warmup/`, or use `zero_data: true`.',
  *check(model) {
    for (const { label, inputs } of samplesOf(model)) {
      for (const { name, path, data } of inputs) {
        if (data.input_data_file === undefined) continue;
        const fault = faultOf(data, name, model);
        const what = `${label} reads warmup/${data.input_data_file}`;
        if (fault !== undefined) yield { path: `${path}.input_data_file`, message: `${what}${fault}` };
      }
    }
  },
};

function faultOf(data: ModelWarmup_Input, input: string, model: ModelView): string | undefined {
  const path = dataPath('warmup', data.input_data_file!);
  const found = path.startsWith('warmup/') ? model.entry.dataFiles[path] : undefined;
  if (found === undefined) return ', which does not exist';
  const { size, content } = found;
  if (size === undefined) return undefined;
  const elements = elementsOf(dimsOf(data));
  const type = datatypeFromConfig(String(data.data_type));
  if (elements === undefined || type === undefined) return undefined;
  if (type.name !== 'BYTES') {
    const needs = elements * type.size;
    return size < needs ? ` with ${size} bytes, input '${input}' needs ${needs}` : undefined;
  }
  if (content === undefined) return undefined;
  try {
    const strings = decodeBytes(content).length;
    return strings === elements ? undefined : ` with ${count(strings, 'string')}, input '${input}' needs ${elements}`;
  } catch (error) {
    return `, which is no list of strings: ${(error as Error).message}`;
  }
}
