import { ConchError } from '../../../base/index.ts';
import type { Backend } from '../../backend.ts';
import { loadPython } from '../python/python.ts';

/**
 * `backend: "pytorch"`: TorchScript archives, run by PyTorch in a Python process for each instance. Inputs go by the
 * names of `forward`'s arguments, by the index in `<text>__<index>`, or in the config's order; the parameters
 * INFERENCE_MODE, DISABLE_OPTIMIZED_EXECUTION, INTRA_OP_THREAD_COUNT and INTER_OP_THREAD_COUNT work as in Triton.
 */
export const pytorchBackend: Backend = {
  async load(source) {
    const { platform } = source.config;
    if (platform && platform !== 'pytorch_libtorch') {
      throw new ConchError(
        'NOT_SUPPORTED',
        `the embedded server runs TorchScript of PyTorch, not platform '${platform}'`,
        {
          where: { path: 'platform' },
          fix: 'export the model as TorchScript, or serve it with Triton',
        },
      );
    }
    const loaded = await loadPython(source, 'torchscript', 'model.pt');
    // A batch is one run, so its requests must be of one shape; the code is PyTorch's, which zeros do no harm.
    return { ...loaded, facts: { ...loaded.facts, padded: true } };
  },
};
