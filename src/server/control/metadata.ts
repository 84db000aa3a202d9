import type { ServerMetadata } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';

/** Protocol extensions that are served here, in Triton's order and with its names. */
const extensions = [
  'classification',
  'model_repository',
  'model_repository(unload_dependents)',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
  'trace',
  'logging',
];

/** The server by the name and version that it was given. */
export function serverMetadata({ id, version }: ServerContext): ServerMetadata {
  return { name: id, version, extensions };
}
