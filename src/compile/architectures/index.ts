import { ConchError } from '../../base/index.ts';
import type { Checkpoint } from '../../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import { bert } from './bert.ts';

export { type Activation, activation, activationNames, isActivation } from './activation.ts';
export type { Architecture, EncoderFacts } from './architecture.ts';
export { linear } from './linear.ts';
export { type Linear, type TensorSource, Weights } from './weights.ts';

/** Every family that conch compiles. */
export const architectures: readonly Architecture[] = [bert];

/** The architecture of `checkpoint`; throws CHECKPOINT_UNSUPPORTED listing those that can be compiled. */
export function architectureOf(checkpoint: Checkpoint): Architecture {
  const found = architectures.find(({ classes }) => classes.includes(checkpoint.architecture));
  if (found) return found;
  const named = checkpoint.architecture || `(none; model_type '${checkpoint.modelType}')`;
  throw new ConchError('CHECKPOINT_UNSUPPORTED', `${checkpoint.configFile}: architecture ${named} cannot be compiled`, {
    where: { file: checkpoint.configFile, path: 'architectures' },
    fix: `conch compiles ${architectures.flatMap(({ classes }) => classes).join(', ')}`,
  });
}
