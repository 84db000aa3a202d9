import { platformsOf } from '../../backends.ts';
import { nearest, quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const backendMissing: ModelRule = {
  code: 'general/backend-missing',
  severity: 'error',
  summary: 'Triton can tell which backend runs the model.',
  why: 'The backend comes from `backend`, else from a known `platform`, else from the model file named or found in the first version folder, else from the part of the model name after its first dot. When none of these helps, the model is refused while polling.',
  fix: 'Set `backend`, e.g. `backend: "onnxruntime"`.',
  *check(model) {
    for (const problem of model.completed.problems) {
      if (problem.code !== 'complete/no-backend') continue;
      // An ensemble without its platform is reported as that.
      if (model.written.ensemble_scheduling !== undefined) return;
      // An agent may fetch the files that tell the backend when the model is loaded.
      const hasAgent = model.written.model_repository_agents !== undefined;
      yield { path: 'backend', message: problem.message, ...(hasAgent ? { severity: 'warning' } : {}) };
      return;
    }
    const { platform } = model.written;
    if (model.isEnsemble || model.backend !== '' || !platform) return;
    const known = [...[...platformsOf.values()].flat(), 'ensemble'];
    const guess = nearest(platform, known);
    yield {
      path: 'platform',
      message: `platform '${platform}' is none that Triton knows: ${quoted(known)}`,
      fix: guess === undefined ? 'remove platform and set backend' : `set platform to "${guess}"`,
    };
  },
};
