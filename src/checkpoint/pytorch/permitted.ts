import { elementsOfDtype, elementsOfStorage } from '../../pytorch/index.ts';

/**
 * The globals that a state dict may name, after torch's own list for `weights_only` (torch,
 * `_weights_only_unpickler.py`), less what conch has no use for. Naming one calls nothing: conch reads what the call
 * says about a tensor.
 */
const permitted = new Set([
  'collections OrderedDict',
  'torch Size',
  'torch Tensor',
  'torch device',
  'torch.nn.parameter Parameter',
  'torch._utils _rebuild_tensor',
  'torch._utils _rebuild_tensor_v2',
  'torch._utils _rebuild_tensor_v3',
  'torch._utils _rebuild_parameter',
  'torch._utils _rebuild_parameter_with_state',
  'torch._tensor _rebuild_from_type_v2',
  '_codecs encode',
  'builtins set',
  '__builtin__ set',
]);

export function isPermitted(global: string): boolean {
  return permitted.has(global) || elementsOfStorage(global) !== undefined || elementsOfDtype(global) !== undefined;
}
