import type { ModelRule } from '../../rule.ts';

export const runtimeMissing: ModelRule = {
  code: 'general/runtime-missing',
  severity: 'warning',
  summary: 'A `runtime` library is in the model folder.',
  why: '`runtime` replaces the file name of the backend library. Triton looks for it in the version folder, the model folder and the backend directory of the server, and refuses the model when it is in none of them.',
  fix: 'Remove `runtime`, or put the library into the model folder.',
  *check(model) {
    const { runtime } = model.written;
    if (!runtime || model.isEnsemble) return;
    const beside = [...model.entry.files, ...model.versions.flatMap((one) => one.files.map((file) => file.path))];
    if (beside.includes(runtime)) return;
    yield {
      path: 'runtime',
      message: `runtime '${runtime}' is in neither the version folder nor the model folder; the server must have it for backend '${model.backend}'`,
      // The Python backend of the image has no library of another name, and a bare name is all that can be found.
      ...(model.backend === 'python' && runtime !== 'libtriton_python.so' ? { severity: 'error' } : {}),
    };
  },
};
