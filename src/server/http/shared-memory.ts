import { ConchError } from '../../base/index.ts';
import type { Exchange } from './exchange.ts';
import { objectOf, readObject, textOf, unsignedOf } from './json-body.ts';
import type { PathParameters } from './router.ts';

/** A CUDA handle's bytes (cudaIpcMemHandle_t). */
const handleBytes = 64;

/** GET /v2/systemsharedmemory/status */
export function systemRegions(exchange: Exchange): void {
  exchange.replyJson(200, exchange.context.sharedMemory.status());
}

/** GET /v2/systemsharedmemory/region/R/status */
export function systemRegion(exchange: Exchange, { region }: PathParameters): void {
  exchange.replyJson(200, exchange.context.sharedMemory.status(region));
}

/** POST /v2/systemsharedmemory/region/R/register */
export async function registerSystem(exchange: Exchange, { region }: PathParameters): Promise<void> {
  const { sharedMemory } = exchange.context;
  sharedMemory.refuseUnlessAllowed();
  const members = await readObject(exchange);
  const key = textOf(members, 'key');
  const byteSize = unsignedOf(members, 'byte_size');
  if (key === undefined || byteSize === undefined) {
    const missing = key === undefined ? 'key' : 'byte_size';
    throw new ConchError('REQUEST_INVALID', `registering shared memory region '${region}' needs '${missing}'`);
  }
  sharedMemory.registerSystem(region, { key, offset: unsignedOf(members, 'offset') ?? 0, byteSize });
  exchange.replyEmpty(200);
}

/** POST /v2/systemsharedmemory/region/R/unregister, and of CUDA regions: they share one name space. */
export function unregister(exchange: Exchange, { region }: PathParameters): void {
  exchange.context.sharedMemory.unregister(region);
  exchange.replyEmpty(200);
}

/** POST /v2/systemsharedmemory/unregister */
export function unregisterAllSystem(exchange: Exchange): void {
  exchange.context.sharedMemory.unregisterAll();
  exchange.replyEmpty(200);
}

/** POST /v2/cudasharedmemory/unregister: there are none. */
export function unregisterAllCuda(exchange: Exchange): void {
  exchange.context.sharedMemory.refuseUnlessAllowed();
  exchange.replyEmpty(200);
}

/** GET /v2/cudasharedmemory/status */
export function cudaRegions(exchange: Exchange): void {
  exchange.replyJson(200, exchange.context.sharedMemory.cudaStatus());
}

/** GET /v2/cudasharedmemory/region/R/status */
export function cudaRegion(exchange: Exchange, { region }: PathParameters): void {
  exchange.replyJson(200, exchange.context.sharedMemory.cudaStatus(region));
}

/** POST /v2/cudasharedmemory/region/R/register */
export async function registerCuda(exchange: Exchange, { region }: PathParameters): Promise<void> {
  const { sharedMemory } = exchange.context;
  sharedMemory.refuseUnlessAllowed();
  const handle = textOf(objectOf(await readObject(exchange), 'raw_handle'), 'b64') ?? '';
  const { length } = Buffer.from(handle, 'base64');
  if (length !== handleBytes) {
    throw new ConchError('REQUEST_INVALID', `'raw_handle' must hold ${handleBytes} bytes in base64, got ${length}`);
  }
  sharedMemory.registerCuda(region);
}
