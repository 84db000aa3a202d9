import { ConchError } from '../../base/index.ts';
import type { ServerContext } from '../context.ts';

/** Whether requests go to the engine, which may still refuse them. */
export function takesWork({ phase }: ServerContext): boolean {
  return phase === 'serving' || phase === 'finishing';
}

/** Why nothing but health is answered now. */
export function unavailable({ phase }: ServerContext): ConchError {
  return phase === 'starting'
    ? new ConchError('MODEL_NOT_READY', 'the server is still loading its models')
    : new ConchError('SERVER_STOPPING', 'the server is shutting down');
}

/** Whether the process answers, also while models load. Throws SERVER_STOPPING at its end. */
export function isLive(context: ServerContext): boolean {
  refuseWhileStopping(context);
  return context.phase === 'starting' || context.engine.isLive();
}

/** Whether every model that should be is ready. Throws SERVER_STOPPING at the server's end. */
export function isReady(context: ServerContext): boolean {
  refuseWhileStopping(context);
  return context.phase === 'serving' && context.engine.isReady();
}

function refuseWhileStopping(context: ServerContext): void {
  if (context.phase === 'stopping' || context.phase === 'finishing') throw unavailable(context);
}
