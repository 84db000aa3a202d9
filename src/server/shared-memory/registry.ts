import { ConchError } from '../../base/index.ts';
import { SystemRegion, type SystemRegionRequest } from './system-region.ts';

export interface SharedMemoryOptions {
  /** Triton's --allow-client-shm. */
  readonly allowed: boolean;
  /** Where shared memory objects are; /dev/shm on Linux. */
  readonly folder?: string;
}

/** A row of the status. */
export interface SystemRegionStatus {
  readonly name: string;
  readonly key: string;
  readonly offset: number;
  readonly byte_size: number;
}

/** A row of the status of CUDA regions, of which there are none on a machine without a GPU. */
export interface CudaRegionStatus {
  readonly name: string;
  readonly device_id: number;
  readonly byte_size: number;
}

/** Part of a region, as a request names it. */
export interface RegionPart {
  readonly region: string;
  readonly offset: number;
  readonly byteSize: number;
}

/** Part of a region that a request holds on to until it has been answered. */
export interface HeldPart {
  write(bytes: Uint8Array): void;
  release(): void;
}

interface Registered {
  readonly region: SystemRegion;
  holders: number;
  /** Unregistered while requests hold it: goes when the last of them is done. */
  leaving: boolean;
}

/** The regions that clients have registered, by name; one for all protocols. Free of any wire format. */
export class SharedMemoryRegistry {
  readonly #allowed: boolean;
  readonly #folder: string;
  readonly #regions = new Map<string, Registered>();

  constructor(options: SharedMemoryOptions) {
    this.#allowed = options.allowed;
    this.#folder = options.folder ?? '/dev/shm';
  }

  /**
   * Throws NOT_SUPPORTED without --allow-client-shm, and REQUEST_INVALID with the status ALREADY_EXISTS for a name that
   * is taken, INTERNAL for an object that cannot be opened, INVALID_ARG for a key, offset or size that cannot be.
   */
  registerSystem(name: string, request: SystemRegionRequest): void {
    this.refuseUnlessAllowed();
    if (this.#regions.has(name)) {
      throw new ConchError('REQUEST_INVALID', `shared memory region '${name}' is registered already`, {
        status: 'ALREADY_EXISTS',
      });
    }
    this.#regions.set(name, { region: SystemRegion.open(request, this.#folder), holders: 0, leaving: false });
  }

  /** CUDA memory can only be opened on a GPU. */
  registerCuda(name: string): never {
    this.refuseUnlessAllowed();
    throw new ConchError('NOT_SUPPORTED', `CUDA shared memory region '${name}': this server runs without a GPU`, {
      status: 'INVALID_ARG',
    });
  }

  /** Unknown names are fine. A region that requests hold goes when they are done. */
  unregister(name: string): void {
    this.refuseUnlessAllowed();
    const registered = this.#regions.get(name);
    if (registered) this.#drop(name, registered);
  }

  unregisterAll(): void {
    this.refuseUnlessAllowed();
    for (const [name, registered] of this.#regions) this.#drop(name, registered);
  }

  /** All system regions, or the one named; REQUEST_INVALID with the status NOT_FOUND when it is not there. */
  status(name?: string): SystemRegionStatus[] {
    const names = name === undefined ? [...this.#regions.keys()] : [name];
    return names.map((one) => {
      const { region } = this.#find(one);
      return { name: one, key: region.key, offset: region.offset, byte_size: region.byteSize };
    });
  }

  /** Always empty; a name is NOT_FOUND. */
  cudaStatus(name?: string): CudaRegionStatus[] {
    if (name === undefined) return [];
    if (this.#regions.has(name)) {
      throw new ConchError('REQUEST_INVALID', `shared memory region '${name}' is a system region, not a CUDA one`, {
        status: 'NOT_FOUND',
      });
    }
    throw notRegistered(name);
  }

  /** A copy of what a part of a region holds now. Throws as `hold` does. */
  read(part: RegionPart): Uint8Array {
    return this.#within(part).region.read(part.offset, part.byteSize);
  }

  /** Keeps a region for a request's output. Throws REQUEST_INVALID: NOT_FOUND, or INVALID_ARG for a part outside it. */
  hold(part: RegionPart): HeldPart {
    const registered = this.#within(part);
    registered.holders += 1;
    let held = true;
    return {
      write: (bytes) => registered.region.write(part.offset, bytes),
      release: () => {
        if (!held) return;
        held = false;
        registered.holders -= 1;
        if (registered.leaving) this.#drop(part.region, registered);
      },
    };
  }

  /** Lets go of everything, at the server's end. */
  close(): void {
    for (const { region } of this.#regions.values()) region.close();
    this.#regions.clear();
  }

  /** NOT_SUPPORTED, unless clients may share memory with the server. */
  refuseUnlessAllowed(): void {
    if (this.#allowed) return;
    throw new ConchError(
      'NOT_SUPPORTED',
      'shared memory with clients is switched off: the server was started without --allow-client-shm=true',
    );
  }

  #drop(name: string, registered: Registered): void {
    if (registered.holders > 0) {
      registered.leaving = true;
      return;
    }
    if (this.#regions.get(name) !== registered) return;
    this.#regions.delete(name);
    registered.region.close();
  }

  #find(name: string): Registered {
    const registered = this.#regions.get(name);
    if (!registered) throw notRegistered(name);
    return registered;
  }

  #within({ region: name, offset, byteSize }: RegionPart): Registered {
    const registered = this.#find(name);
    if (registered.leaving) throw notRegistered(name);
    const { byteSize: size } = registered.region;
    if (offset + byteSize > size) {
      throw new ConchError(
        'REQUEST_INVALID',
        `shared memory region '${name}' has ${size} bytes; offset ${offset} and byte size ${byteSize} reach beyond`,
      );
    }
    return registered;
  }
}

function notRegistered(name: string): ConchError {
  return new ConchError('REQUEST_INVALID', `no shared memory region '${name}' is registered`, { status: 'NOT_FOUND' });
}
