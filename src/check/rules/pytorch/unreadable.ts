import { relative } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const unreadable: ModelRule = {
  code: 'pytorch/unreadable',
  severity: 'error',
  summary: 'The model file of the PyTorch backend is a TorchScript archive.',
  why: 'The backend loads `model.pt` with LibTorch, which takes what `torch.jit.save` wrote: an archive with the code of the module. A file from `torch.save` holds weights, or a pickled module that only Python can read, and the load fails; so does a file that is cut short.',
  fix: 'Save it with `torch.jit.save(torch.jit.script(module), path)`, or copy the file again.',
  *check(model) {
    if (model.backend !== 'pytorch') return;
    for (const { folder, dir, torchScriptError: error } of model.versions) {
      const file = error?.where?.file;
      if (error === undefined || file === undefined) continue;
      yield { file, message: error.message.replace(file, `${folder}/${relative(dir, file)}`) };
    }
  },
};
