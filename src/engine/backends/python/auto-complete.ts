import { join } from 'node:path';
import { ConchError } from '../../../base/index.ts';
import type { PythonCompletion } from '../../../config/index.ts';
import {
  autoCompleteFile,
  completeModel,
  type ModelEntry,
  runAutoComplete,
  servedVersions,
} from '../../../repository/index.ts';
import { interpreterOf } from './interpreter.ts';

/**
 * What a Python model's `auto_complete_config` makes of its configuration; undefined for any other model, and for one
 * without that function. It runs in a process of its own, with the model's interpreter. Rejects with MODEL_LOAD_FAILED.
 */
export async function askAutoComplete(entry: ModelEntry): Promise<PythonCompletion | undefined> {
  const { config } = completeModel(entry, { gpus: [], autoComplete: false });
  const version = servedVersions(entry).at(-1);
  if (config.backend !== 'python' || version === undefined) return undefined;
  let file: string | undefined;
  try {
    file = await autoCompleteFile(entry, config);
  } catch {
    return undefined; // The backend says that there is no file.
  }
  if (file === undefined) return undefined;
  const command = await interpreterOf({ config, dir: join(entry.dir, version.folder) });
  try {
    return await runAutoComplete(join(entry.dir, file), config, { command });
  } catch (error) {
    if (!(error instanceof ConchError)) throw error;
    const { code, message, where, status, cause } = error;
    const fix = error.fix?.replace('--python', 'the environment variable CONCH_PYTHON');
    throw new ConchError(code === 'FILE_NOT_FOUND' ? 'MODEL_LOAD_FAILED' : code, message, {
      ...(where && { where }),
      ...(fix !== undefined && { fix }),
      ...(code !== 'FILE_NOT_FOUND' && { status }),
      cause,
    });
  }
}
