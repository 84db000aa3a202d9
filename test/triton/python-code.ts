import { join } from 'node:path';
import type { PythonCompletion } from '../../src/config/index.ts';
import { autoCompleteFile, completeModel, type ModelRepository, runAutoComplete } from '../../src/repository/index.ts';

/** What a model's own code made of its configuration. */
export interface AutoCompleted {
  readonly completion?: PythonCompletion;
  /** It raised: Triton refuses the model. */
  readonly error?: string;
}

/** Runs the `auto_complete_config` of every Python model that has one, as the server does when it loads them. */
export async function autoComplete(repository: ModelRepository, python: string): Promise<Map<string, AutoCompleted>> {
  const ran = new Map<string, AutoCompleted>();
  for (const entry of repository.models) {
    const { config, problems } = completeModel(entry, { gpus: [], autoComplete: false });
    if (problems.length > 0 || entry.versions.length === 0) continue;
    const file = await autoCompleteFile(entry, config).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const completion = await runAutoComplete(join(entry.dir, file), config, { command: python, timeoutMs: 20_000 });
      if (completion) ran.set(entry.name, { completion });
    } catch (thrown) {
      ran.set(entry.name, { error: (thrown as Error).message });
    }
  }
  return ran;
}
