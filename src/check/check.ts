import type { Diagnostic } from '../base/index.ts';
import { defaultTarget, type Target } from '../onnx/index.ts';
import type { ModelRepository } from '../repository/index.ts';
import type { Host } from './view.ts';

export interface CheckOptions {
  readonly host?: Host;
}

/** Everything wrong with a repository (opened with `inspect: true`) for a target, in the order of models and lines. */
export function check(
  _repository: ModelRepository,
  _target: Target = defaultTarget,
  _options: CheckOptions = {},
): Diagnostic[] {
  throw new Error('not yet');
}
