import { extname, join } from 'node:path';
import { didYouMean } from '../../names.ts';
import { isUnreadable } from '../../reader.ts';
import type { Finding, ModelRule } from '../../rule.ts';
import type { ModelView } from '../../view.ts';

/** What each backend of Triton opens when `default_model_filename` is blank. Other backends look where they like. */
const usualFiles = new Map(
  Object.entries({
    onnxruntime: 'model.onnx',
    openvino: 'model.xml',
    python: 'model.py',
    pytorch: 'model.pt',
    tensorflow: 'model.savedmodel',
    tensorrt: 'model.plan',
  }),
);

export const modelFileMissing: ModelRule = {
  code: 'repository/model-file-missing',
  severity: 'error',
  summary: 'Every version that is served holds the model file that its backend opens.',
  why: 'The backend opens `<version>/<default_model_filename>`, or its usual name where that field is blank. One selected version without the file fails the whole load.',
  fix: 'Put the file there, or name the one that is there in `default_model_filename`.',
  *check(model) {
    const usual = usualFiles.get(model.backend);
    if (usual === undefined || model.isEnsemble) return;
    const file = model.config.default_model_filename || usual;
    if (file.split('/').includes('..')) return;
    yield* missingPlans(model);
    for (const version of model.versions) {
      const paths = version.files.map((one) => one.path);
      if (hasModel(model, paths, file) || isUnreadable(model.entry, version.dir)) continue;
      const guess = didYouMean(
        file,
        paths.filter((path) => extname(path) === extname(file)),
      );
      const holds = paths.length === 0 ? 'holds no file' : `holds ${paths.slice(0, 4).join(', ')}`;
      yield {
        path: model.written.default_model_filename ? 'default_model_filename' : 'backend',
        message: `version ${version.folder} has no file ${file}, which backend ${model.backend} opens; the folder ${holds}${guess}`,
        fix: `put the model at ${join(model.name, version.folder, file)}, or set default_model_filename`,
        // An agent may fetch or unpack the model when it is loaded.
        ...(model.written.model_repository_agents === undefined ? {} : { severity: 'warning' }),
      };
    }
  },
};

/** Plans for single compute capabilities: only a server with such a GPU looks for them. */
function* missingPlans(model: ModelView): Iterable<Finding> {
  if (model.backend !== 'tensorrt') return;
  for (const [capability, plan] of Object.entries(model.written.cc_model_filenames ?? {})) {
    for (const { folder, files } of model.versions) {
      if (files.some(({ path }) => path === plan)) continue;
      yield {
        path: `cc_model_filenames[${JSON.stringify(capability)}]`,
        message: `version ${folder} has no file ${plan}, which GPUs of compute capability ${capability} load`,
        fix: `put the plan at ${join(model.name, folder, plan)}, or remove the entry`,
        severity: 'warning',
      };
    }
  }
}

function hasModel(model: ModelView, paths: readonly string[], file: string): boolean {
  if (paths.includes(file)) return true;
  const plans = Object.values(model.written.cc_model_filenames ?? {});
  if (model.backend === 'tensorrt' && plans.some((plan) => paths.includes(plan))) return true;
  const isFolder = paths.some((path) => path.startsWith(`${file}/`));
  if (model.backend === 'onnxruntime') return paths.includes(`${file}/model.onnx`);
  return isFolder && model.backend !== 'python';
}
