import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';

export function printConfig(_config: ModelConfig): string {
  throw new ConchError('INTERNAL', 'printConfig is being built');
}
