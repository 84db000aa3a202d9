import { dimsOf } from '../../../config/index.ts';
import { dataPath } from '../../../repository/index.ts';
import { datatypeFromConfig } from '../../../tensor/index.ts';
import type { ModelRule } from '../../rule.ts';
import { elementsOf } from '../../shapes.ts';
import { statesOf } from './states.ts';

export const stateFile: ModelRule = {
  code: 'sequence/state-file',
  severity: 'error',
  summary: 'The `data_file` of an initial state exists and is long enough.',
  why: 'Triton reads the file from the folder `initial_state` of the model when it builds the scheduler, and refuses the model when the file is missing or shorter than the state. A longer file is cut.',
  fix: 'Put a file with at least that many bytes (little-endian, row-major) into `initial_state/`.',
  *check(model) {
    for (const { path, label, state } of statesOf(model)) {
      for (const [index, { data_file, dims }] of (state.initial_state ?? []).entries()) {
        if (data_file === undefined) continue;
        const at = `${path}.initial_state[${index}].data_file`;
        const file = dataPath('initial_state', data_file);
        const found = file.startsWith('initial_state/') ? model.entry.dataFiles[file] : undefined;
        if (found === undefined) {
          yield { path: at, message: `initial_state/${data_file} of ${label} does not exist` };
          continue;
        }
        const { size } = found;
        const elements = elementsOf(dimsOf({ dims: dims ?? [] }));
        const width = datatypeFromConfig(String(state.data_type))?.size ?? 0;
        if (size === undefined || elements === undefined || width === 0 || size >= elements * width) continue;
        yield {
          path: at,
          message: `initial_state/${data_file} has ${size} bytes, ${label} needs ${elements * width}`,
        };
      }
    }
  },
};
