import { ConchError } from '../../base/index.ts';
import { bytesOf, type Tensor } from '../../tensor/index.ts';
import type { HeldPart, RegionPart, SharedMemoryRegistry } from './registry.ts';

/** Where a request's outputs go in shared memory. */
export interface HeldOutputs {
  /** Puts each of the outputs that has a place there. Throws REQUEST_INVALID (INTERNAL) when it is too small. */
  write(outputs: readonly Tensor[]): void;
  /** To be called once, whatever became of the request. */
  release(): void;
}

/**
 * Takes hold of the regions that outputs go to, so that none is unregistered meanwhile; undefined where there are none.
 * `places` is by output; anything but a part of a region is left alone. Throws as `SharedMemoryRegistry.hold` does.
 */
export function holdOutputs(
  registry: SharedMemoryRegistry,
  places: string | ReadonlyMap<string, string | RegionPart>,
): HeldOutputs | undefined {
  if (typeof places === 'string') return undefined;
  let held: Map<string, { readonly part: RegionPart; readonly hold: HeldPart }> | undefined;
  const release = () => {
    for (const { hold } of held?.values() ?? []) hold.release();
  };
  try {
    for (const [output, part] of places) {
      if (typeof part === 'string') continue;
      held ??= new Map();
      held.set(output, { part, hold: registry.hold(part) });
    }
  } catch (error) {
    release();
    throw error;
  }
  if (!held) return undefined;
  const parts = held;
  return {
    write(outputs) {
      for (const output of outputs) {
        const place = parts.get(output.name);
        if (!place) continue;
        const bytes = bytesOf(output);
        if (bytes.length > place.part.byteSize) {
          throw new ConchError(
            'REQUEST_INVALID',
            `output '${output.name}' has ${bytes.length} bytes, its place in shared memory region '${place.part.region}' has ${place.part.byteSize}`,
            { status: 'INTERNAL' },
          );
        }
        place.hold.write(bytes);
      }
    },
    release,
  };
}
