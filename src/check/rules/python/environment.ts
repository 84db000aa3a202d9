import { dataPath } from '../../../repository/index.ts';
import type { ModelRule } from '../../rule.ts';

const key = 'EXECUTION_ENV_PATH';

export const environment: ModelRule = {
  code: 'python/environment',
  severity: 'error',
  summary: `The Python environment that \`${key}\` names exists.`,
  why: 'The Python backend unpacks that archive (or takes that folder) before it starts the model, and the load fails when it is not there. `$$TRITON_MODEL_DIRECTORY` stands for the model folder; other paths are those of the server, and relative ones depend on where it was started.',
  fix: 'Put the archive (made with conda-pack) into the model folder, or remove the parameter.',
  *check(model) {
    const value = model.written.parameters?.[key]?.string_value;
    if (!value || model.backend !== 'python') return;
    const path = `parameters["${key}"].value.string_value`;
    const inside = /^\$\$TRITON_MODEL_DIRECTORY\/(.*)$/s.exec(value)?.[1];
    if (inside === undefined && !value.startsWith('/')) {
      yield {
        path,
        severity: 'warning',
        message: `${key} is '${value}', which is looked up from wherever the server was started`,
        fix: `if the model folder holds it, write $$TRITON_MODEL_DIRECTORY/${value}`,
      };
    }
    if (inside === undefined || model.entry.files.includes(inside)) return;
    const version = model.versions.some(({ folder, files }) =>
      files.some((one) => `${folder}/${one.path}` === inside || `${folder}/${one.path}`.startsWith(`${inside}/`)),
    );
    if (version || model.entry.ignoredFolders.some((one) => inside === one.name || inside.startsWith(`${one.name}/`)))
      return;
    if (model.entry.dataFiles[dataPath(inside)] !== undefined) return;
    yield {
      path,
      message: `${key} names ${inside}, which the folder of ${model.name} does not hold`,
    };
  },
};
