import { ConchError } from '../../base/index.ts';
import type { grpc } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';

/** A CUDA handle's bytes (cudaIpcMemHandle_t). */
const handleBytes = 64;

/** All system regions, or the one named. */
export function systemStatus(
  { name }: grpc.SystemSharedMemoryStatusRequest,
  { sharedMemory }: ServerContext,
): grpc.SystemSharedMemoryStatusResponse {
  return { regions: byName(sharedMemory.status(name || undefined)) };
}

export function systemRegister(
  { name = '', key = '', offset = 0, byte_size: byteSize = 0 }: grpc.SystemSharedMemoryRegisterRequest,
  { sharedMemory }: ServerContext,
): grpc.SystemSharedMemoryRegisterResponse {
  sharedMemory.registerSystem(name, { key, offset: Number(offset), byteSize: Number(byteSize) });
  return {};
}

/** One region, known or not, or without a name all. */
export function systemUnregister(
  { name }: grpc.SystemSharedMemoryUnregisterRequest,
  { sharedMemory }: ServerContext,
): grpc.SystemSharedMemoryUnregisterResponse {
  if (name) sharedMemory.unregister(name);
  else sharedMemory.unregisterAll();
  return {};
}

export function cudaStatus(
  { name }: grpc.CudaSharedMemoryStatusRequest,
  { sharedMemory }: ServerContext,
): grpc.CudaSharedMemoryStatusResponse {
  return { regions: byName(sharedMemory.cudaStatus(name || undefined)) };
}

export function cudaRegister(
  { name = '', raw_handle: handle }: grpc.CudaSharedMemoryRegisterRequest,
  { sharedMemory }: ServerContext,
): grpc.CudaSharedMemoryRegisterResponse {
  sharedMemory.refuseUnlessAllowed();
  const length = handle?.length ?? 0;
  if (length !== handleBytes) {
    throw new ConchError('REQUEST_INVALID', `'raw_handle' must hold ${handleBytes} bytes, got ${length}`);
  }
  return sharedMemory.registerCuda(name);
}

/** There are no CUDA regions; one name space holds both kinds. */
export function cudaUnregister(
  { name }: grpc.CudaSharedMemoryUnregisterRequest,
  { sharedMemory }: ServerContext,
): grpc.CudaSharedMemoryUnregisterResponse {
  if (name) sharedMemory.unregister(name);
  else sharedMemory.refuseUnlessAllowed();
  return {};
}

function byName<Row extends { readonly name: string }>(rows: readonly Row[]): { [name: string]: Row } {
  return Object.fromEntries(rows.map((row) => [row.name, row]));
}
