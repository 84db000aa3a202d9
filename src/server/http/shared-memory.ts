import { ConchError } from '../../base/index.ts';
import type { Exchange } from './exchange.ts';

/** GET /v2/systemsharedmemory/status and /v2/cudasharedmemory/status: nothing is ever registered. */
export function regions(exchange: Exchange): void {
  exchange.replyJson(200, []);
}

/** GET .../region/R/status */
export function region(_exchange: Exchange, { region: name }: { readonly region: string }): never {
  throw new ConchError('REQUEST_INVALID', `no shared memory region '${name}' is registered`, { status: 'NOT_FOUND' });
}

/** POST register and unregister: Triton's answer without --allow-client-shm, the default. */
export function refuseSharedMemory(): never {
  throw new ConchError('NOT_SUPPORTED', 'shared memory with clients is switched off on this server');
}
