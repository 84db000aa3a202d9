import { backendNicknames, knownBackends } from '../../backends.ts';
import { configFix } from '../../edits.ts';
import { nearest, quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const backendUnknown: ModelRule = {
  code: 'general/backend-unknown',
  severity: 'error',
  summary: 'The backend is one that the server has.',
  why: 'Triton looks for `libtriton_<backend>.so` (or `runtime`) in the version folder, the model folder and its backend directory, and for a `model.py` in the backend directory. Without it the model is refused.',
  fix: 'Correct the name, or put the library of a custom backend into the model folder; for one that is installed on the server, add it to the backends of the target.',
  *check(model) {
    const { backend } = model;
    if (model.isEnsemble || backend === '') return;
    const { target, host } = model.repository;
    const known = [...knownBackends, ...(host.backends ?? [])];
    if (known.includes(backend)) return;
    const library = model.written.runtime || `libtriton_${backend}.so`;
    const beside = [...model.entry.files, ...model.versions.flatMap((one) => one.files.map((file) => file.path))];
    if (beside.includes(library) || beside.includes(`triton_${backend}.dll`)) return;
    const guess = backendNicknames.get(backend.toLowerCase()) ?? nearest(backend, known);
    yield {
      path: 'backend',
      message: `backend '${backend}' is none of ${target.name} and ${library} is not in the model folder${guess ? `; did you mean '${guess}'?` : ''}`,
      fix: guess
        ? configFix(model, `set backend to "${guess}"`, { path: 'backend', value: guess })
        : `use one of ${quoted(knownBackends, 'or')}, or put ${library} into the model folder`,
    };
  },
};
