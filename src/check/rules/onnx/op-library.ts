import { basename } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const opLibrary: ModelRule = {
  code: 'onnx/op-library',
  severity: 'warning',
  summary: 'Operator libraries are given by an absolute path.',
  why: 'ONNX Runtime hands `op_library_filename` to the system as it stands: a relative path is looked up from the folder in which the server was started, not from the model folder. When the library is not found the load fails.',
  fix: 'Write the absolute path on the server, e.g. `/models/<model>/1/libortextensions.so`.',
  *check(model) {
    if (model.backend !== 'onnxruntime') return;
    for (const [index, library] of (model.written.model_operations?.op_library_filename ?? []).entries()) {
      if (library.startsWith('/')) continue;
      const beside = [...model.entry.files, ...model.versions.flatMap((one) => one.files.map((file) => file.path))];
      const found = beside.some((path) => basename(path) === basename(library));
      yield {
        path: `model_operations.op_library_filename[${index}]`,
        message: `op_library_filename '${library}' is relative to where the server is started${found ? ', not to the model folder that holds it' : ', and the model folder does not hold it'}`,
      };
    }
  },
};
