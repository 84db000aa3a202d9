import { join } from 'node:path';
import { count, quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

/** Domains whose operators stock ONNX Runtime has. */
const builtIn = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.experimental',
  'com.microsoft.nchwc',
  'com.ms.internal.nhwc',
  'org.pytorch.aten',
]);

/** Domains that belong to onnxruntime-extensions, a library that has to be loaded. */
const extensions = new Set(['ai.onnx.contrib', 'com.microsoft.extensions']);

export const operatorDomain: ModelRule = {
  code: 'onnx/operator-domain',
  severity: 'error',
  summary: 'Operators beyond the standard ones come with the library that has them.',
  why: "Triton's ONNX Runtime has the operators of ONNX and com.microsoft. Others, such as the tokenizers of onnxruntime-extensions, come from a library that `model_operations` must name; without it the session cannot be made. A domain that is none of these may be one of functions inside the model.",
  fix: 'Name the library in `model_operations { op_library_filename: "..." }`, or export without these operators.',
  *check(model) {
    if ((model.written.model_operations?.op_library_filename ?? []).length > 0) return;
    for (const { version, summary } of model.onnx) {
      const foreign = new Map<string, string[]>();
      for (const { domain, type } of summary.operators) {
        if (builtIn.has(domain) || domain.startsWith('pkg.')) continue;
        foreign.set(domain, [...(foreign.get(domain) ?? []), type]);
      }
      for (const [domain, types] of foreign) {
        const what = `the model uses ${count(types.length, 'operator')} of domain ${domain} (${quoted(types)})`;
        const known = extensions.has(domain);
        yield {
          file: join(version.dir, model.config.default_model_filename || 'model.onnx'),
          message: `${what}, which ${known ? 'need onnxruntime-extensions' : 'ONNX Runtime does not have'}; model_operations names no library`,
          ...(known ? {} : { severity: 'warning' }),
        };
      }
    }
  },
};
