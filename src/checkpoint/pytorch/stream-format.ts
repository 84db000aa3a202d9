import {
  elementsOfStorage,
  type Pickled,
  type PickleOptions,
  PickleTruncated,
  readPickle,
} from '../../pytorch/index.ts';
import { becameShorter, openWeights, readFully } from '../weights-file.ts';
import { type Region, type StorageReference, storageReference, type TorchArchive } from './archive.ts';
import { isPermitted } from './permitted.ts';
import { invalid, unsupported } from './refusal.ts';

const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;
/** Where the pickles must have ended; those of a model with thousands of tensors take less than a megabyte. */
const mostPickled = 64 * 1024 * 1024;

/**
 * Reads what torch.save wrote before 1.6: the pickles of a magic number, a protocol version, facts on the machine, the
 * object and the keys of its storages, then for each key the number of elements (8 bytes) and the elements, always
 * little-endian (torch, `_legacy_save`). Throws ConchError or what the pickle reader throws.
 */
export async function readStreamFormat(path: string): Promise<TorchArchive> {
  const file = await openWeights(path, invalid);
  try {
    const { size } = await file.stat();
    const read = async (offset: number, length: number) => {
      const bytes = Buffer.alloc(length);
      await readFully(file, bytes, offset, () => becameShorter(path, undefined, invalid));
      return bytes;
    };
    const { value, references, keys, end } = await readPickles(path, size, read);
    const storages = new Map<string, Region>();
    let at = end;
    for (const key of keys) {
      const reference = references.get(key);
      const elementSize = reference && elementsOfStorage(reference.type)?.size;
      if (elementSize === undefined) throw invalid(path, `its pickle refers to no storage '${key}', which follows it`);
      if (at + 8 > size) throw invalid(path, `the file ends at byte ${size}, before storage '${key}'; it is truncated`);
      const elements = (await read(at, 8)).readBigInt64LE();
      if (elements !== BigInt(reference!.elements)) {
        throw invalid(path, `storage '${key}' has ${elements} elements where the pickle says ${reference!.elements}`);
      }
      const region = { offset: at + 8, size: reference!.elements * elementSize };
      at = region.offset + region.size;
      if (at > size) throw invalid(path, `storage '${key}' ends at byte ${at}, the file at ${size}; it is truncated`);
      storages.set(key, region);
    }
    const missing = [...references.keys()].find((key) => !storages.has(key));
    if (missing !== undefined) throw invalid(path, `storage '${missing}' is referred to but not in the file`);
    return { value, storages, bigEndian: false };
  } finally {
    await file.close();
  }
}

interface Pickles {
  readonly value: Pickled;
  /** By storage key; the first reference of each. */
  readonly references: ReadonlyMap<string, StorageReference>;
  readonly keys: readonly string[];
  readonly end: number;
}

/** Only reading them tells how long the pickles are, so they are read from a growing part of the file. */
async function readPickles(
  path: string,
  size: number,
  read: (offset: number, length: number) => Promise<Buffer>,
): Promise<Pickles> {
  for (let length = Math.min(size, 1 << 16); ; length = Math.min(size, 4 * length)) {
    try {
      return picklesIn(path, await read(0, length));
    } catch (error) {
      if (!(error instanceof PickleTruncated) || length === size) throw error;
      if (length >= mostPickled) throw invalid(path, `its pickles take more than ${mostPickled} bytes`);
    }
  }
}

function picklesIn(path: string, bytes: Buffer): Pickles {
  let end = 0;
  const next = (options: PickleOptions = {}): Pickled => {
    const read = readPickle(bytes.subarray(end), { permit: isPermitted, ...options });
    end += read.end;
    return read.value;
  };
  if (next() !== magicNumber) throw invalid(path, 'this is a pickle, but not one that torch.save has written');
  const protocol = next();
  if (protocol !== protocolVersion) {
    throw unsupported(path, `it has version ${String(protocol)} of PyTorch's format; ${protocolVersion} can be read`);
  }
  next();
  const references = new Map<string, StorageReference>();
  const value = next({
    onPersistent: (id) => {
      const reference = storageReference(id);
      if (reference && !references.has(reference.key)) references.set(reference.key, reference);
    },
  });
  const keys = next();
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string' || typeof key === 'number')) {
    throw invalid(path, 'the list of its storages is not where it should be');
  }
  return { value, references, keys: keys.map(String), end };
}
