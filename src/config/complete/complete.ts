import type { Diagnostic } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';
import { Completion, type CompletionChange, type CompletionContext } from './completion.ts';
import { fillBlanks } from './fill.ts';
import { normalise } from './normalise.ts';
import { completeOnnx } from './onnx.ts';
import { completePython } from './python.ts';

/** A configuration as the server would hold it once the model is loaded. */
export interface CompletedConfig {
  readonly config: ModelConfig;
  /** Each value that was set, in order; what is not listed stood in the configuration. */
  readonly changes: CompletionChange[];
  /** Why Triton would refuse the model while completing it; empty when it would go on to its other checks. */
  readonly problems: Diagnostic[];
}

/**
 * Completes a configuration as Triton does when it loads the model: the server fills name, backend, platform and file
 * name, writes out defaults for the host at hand, and lets the backend add what is missing. The argument is not
 * changed. Checks that come after completion (sizes, types, ensembles) are not made here.
 */
export function completeConfig(config: ModelConfig, context: CompletionContext): CompletedConfig {
  const completion = new Completion(config, context);
  fillBlanks(completion);
  normalise(completion);
  if (context.autoComplete !== false && completion.problems.length === 0) {
    if (completion.backend === 'onnxruntime' && context.onnx) completeOnnx(completion, context.onnx);
    if (completion.backend === 'python' && context.python) completePython(completion, context.python);
    normalise(completion);
  }
  return { config: completion.config, changes: completion.changes, problems: completion.problems };
}
