import { isPickled, type Pickled } from '../../pytorch/index.ts';

/** Bytes of one storage in the file. */
export interface Region {
  readonly offset: number;
  readonly size: number;
}

/** What both of PyTorch's formats come to: an object, and the storages that it refers to. */
export interface TorchArchive {
  readonly value: Pickled;
  /** By storage key. */
  readonly storages: ReadonlyMap<string, Region>;
  /** Whether the elements' bytes are most significant first. */
  readonly bigEndian: boolean;
}

/** A reference from the pickle to a storage (torch, `serialization.py`: `persistent_id`). */
export interface StorageReference {
  readonly key: string;
  /** The storage's class, e.g. `torch FloatStorage`. */
  readonly type: string;
  /** Number of elements of that class. */
  readonly elements: number;
  /** First element, where it is a view of another storage; old files have these. */
  readonly from: number;
}

/** Undefined for a reference to anything else than a storage. */
export function storageReference(id: Pickled): StorageReference | undefined {
  if (!isPickled(id, 'tuple')) return undefined;
  const [kind, type, key, , elements, view] = id.items;
  if (kind !== 'storage' || !isPickled(type, 'global') || !isCount(elements)) return undefined;
  if (typeof key !== 'string' && typeof key !== 'number') return undefined;
  let from = 0;
  if (isPickled(view, 'tuple')) {
    const start = view.items[1];
    if (!isCount(start)) return undefined;
    from = start;
  } else if (view !== null && view !== undefined) return undefined;
  return { key: String(key), type: type.name, elements, from };
}

export function isCount(value: Pickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
