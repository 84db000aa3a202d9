import { ConchError } from '../../base/index.ts';
import type { Backend } from '../backend.ts';
import { parameterOf } from '../parameters.ts';
import { identityBackend } from './identity.ts';
import { onnxBackend } from './onnx.ts';
import { pythonBackend } from './python/python.ts';
import { pytorchBackend } from './pytorch/pytorch.ts';
import { repeatBackend } from './repeat.ts';
import { tokenizerBackend } from './tokenizer.ts';

/** conch's own tokenizer folders run natively; every other Python model as Python. */
const pythonOrTokenizer: Backend = {
  load: (source) =>
    (parameterOf(source.config, 'conch.backend') === 'tokenizer' ? tokenizerBackend : pythonBackend).load(source),
};

/** Backends by the config's `backend`. */
export const builtInBackends: Readonly<Record<string, Backend>> = {
  onnxruntime: onnxBackend,
  python: pythonOrTokenizer,
  pytorch: pytorchBackend,
  identity: identityBackend,
  repeat: repeatBackend,
};

/** The backend of a model; throws NOT_SUPPORTED for those that only Triton has. */
export function backendOf(backends: Readonly<Record<string, Backend>>, name: string, model: string): Backend {
  const backend = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (backend) return backend;
  throw new ConchError(
    'NOT_SUPPORTED',
    `it uses backend '${name}', which the embedded server does not have; it has ${Object.keys(backends).join(', ')}`,
    { where: { path: 'backend' }, fix: `serve '${model}' with Triton, or load the other models by name` },
  );
}
