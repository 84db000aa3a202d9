import { platformsOf } from '../../backends.ts';
import { configFix } from '../../edits.ts';
import { quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const backendPlatform: ModelRule = {
  code: 'general/backend-platform',
  severity: 'error',
  summary: '`backend` and `platform` belong together.',
  why: '`platform` is the older way to choose a backend. For tensorflow, tensorrt, onnxruntime and pytorch Triton refuses every platform that is not theirs. `platform: "libtorch"` selects pytorch and then fails this very check.',
  fix: 'Remove `platform`; `backend` is enough.',
  *check(model) {
    if (model.isEnsemble) return;
    const { backend, platform = '' } = model.config;
    const allowed = platformsOf.get(backend ?? '');
    if (allowed === undefined || allowed.includes(platform)) return;
    const own = quoted(allowed, 'or');
    const given = platform === '' ? 'no platform' : `platform '${platform}'`;
    yield {
      path: 'platform',
      message: `backend '${backend}' needs platform ${own}, but has ${given}`,
      fix: configFix(model, `set platform to ${own}`, { path: 'platform', value: allowed[0] }),
    };
  },
};
