import { ConchError } from '../base/index.ts';
import { datatypeFromSafetensors, elementCount } from '../tensor/index.ts';
import { duplicateKey } from './duplicate-keys.ts';
import {
  becameShorter,
  openWeights,
  readFully,
  readRange,
  refuseLfsPointer,
  type StoredTensor,
  type WeightsFile,
} from './weights-file.ts';

/** The format's own limit on the header. */
const maxHeaderBytes = 100_000_000;

/**
 * Bits an element for each `dtype` of the format, those included that conch cannot compile: their files must still be
 * checked. Source: the Dtype table of the safetensors format description.
 */
const elementBits: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

export interface SafetensorsTensor extends StoredTensor {
  /** Offset of the data in the file. */
  readonly offset: number;
}

export interface SafetensorsFile extends WeightsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Reads the header of a safetensors file, never its data, and checks all that the format demands: header size, JSON
 * without duplicate keys, known types, lengths that fit the shapes, data without gaps, overlaps or rest. Throws
 * FILE_NOT_FOUND or SAFETENSORS_INVALID naming file and tensor.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const { header, dataStart, size } = await readHeader(path);
  const { metadata, tensors } = parseHeader(path, header, dataStart, size);
  return {
    path,
    metadata,
    tensors,
    read(name) {
      const tensor = tensors.get(name);
      if (tensor) return readRange(path, { offset: tensor.offset, length: tensor.bytes }, name, invalid);
      throw new ConchError('CHECKPOINT_INVALID', `${path}: there is no tensor '${name}'`, {
        where: { file: path, path: name },
      });
    },
  };
}

async function readHeader(path: string): Promise<{ header: string; dataStart: number; size: number }> {
  const file = await openWeights(path, invalid);
  const short = () => becameShorter(path, undefined, invalid);
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(Math.min(size, 8));
    await readFully(file, start, 0, short);
    refuseOtherFormats(path, start);
    if (size < 8) throw invalid(path, `${size} bytes are too few for a safetensors file; the header's length needs 8`);
    const length = start.readBigUInt64LE();
    if (length > maxHeaderBytes) {
      throw invalid(path, `the header announces ${length} bytes; the format allows ${maxHeaderBytes}`);
    }
    const dataStart = 8 + Number(length);
    if (dataStart > size) {
      throw invalid(path, `the header announces ${length} bytes but the file has ${size - 8} left; it is truncated`);
    }
    const bytes = Buffer.allocUnsafe(Number(length));
    await readFully(file, bytes, 8, short);
    try {
      return { header: new TextDecoder('utf-8', { fatal: true }).decode(bytes), dataStart, size };
    } catch {
      throw invalid(path, 'the header is not UTF-8');
    }
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, text: string, dataStart: number, size: number) {
  const header = parseJson(path, text);
  let metadata: Record<string, string> = {};
  const found: SafetensorsTensor[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(path, entry);
    else found.push(checkTensor(path, name, entry, dataStart));
  }
  found.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = dataStart;
  let previous = '';
  for (const tensor of found) {
    if (tensor.offset !== end) {
      const what = tensor.offset < end ? `overlaps '${previous}'` : `leaves a gap of ${tensor.offset - end} bytes`;
      throw invalid(
        path,
        `tensor '${tensor.name}' starts at byte ${tensor.offset - dataStart} and ${what}`,
        tensor.name,
      );
    }
    end += tensor.bytes;
    previous = tensor.name;
    if (end > size) {
      const missing = `tensor '${tensor.name}' ends at byte ${end} but the file has ${size}; it is truncated`;
      throw invalid(path, missing, tensor.name);
    }
  }
  if (end !== size) throw invalid(path, `${size - end} bytes follow the last tensor; the format allows none`);
  return { metadata, tensors: new Map(found.map((tensor) => [tensor.name, tensor])) };
}

function parseJson(path: string, text: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `the header is not JSON (${(cause as Error).message.slice(0, 120)})`);
  }
  if (!text.startsWith('{') || typeof header !== 'object' || header === null) {
    throw invalid(path, 'the header is not a JSON object');
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw invalid(path, `'${twice}' stands twice in the header`, twice);
  return header as Record<string, unknown>;
}

function checkMetadata(path: string, entry: unknown): Record<string, string> {
  if (typeof entry === 'object' && entry !== null && Object.values(entry).every((value) => typeof value === 'string')) {
    return entry as Record<string, string>;
  }
  throw invalid(path, '__metadata__ must map names to strings', '__metadata__');
}

function checkTensor(path: string, name: string, entry: unknown, dataStart: number): SafetensorsTensor {
  const fail = (problem: string): never => {
    throw invalid(path, `tensor '${name}': ${problem}`, name);
  };
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(elementBits, dtype)) {
    return fail(`dtype is ${JSON.stringify(dtype)}; the format knows ${Object.keys(elementBits).join(', ')}`);
  }
  if (!isSizes(shape)) return fail(`shape is ${JSON.stringify(shape)}; it must be a list of integers from 0 on`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return fail(`data_offsets is ${JSON.stringify(offsets)}; it must be [begin, end] with begin <= end`);
  }
  const [begin, end] = offsets as [number, number];
  const bits = elementCount(shape) * elementBits[dtype]!;
  if (bits !== (end - begin) * 8) {
    return fail(`shape [${shape}] of ${dtype} takes ${bits / 8} bytes, data_offsets [${offsets}] hold ${end - begin}`);
  }
  const datatype = datatypeFromSafetensors(dtype)?.name;
  return { name, dtype, datatype, shape, offset: dataStart + begin, bytes: end - begin, file: path };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function refuseOtherFormats(path: string, start: Buffer): void {
  refuseLfsPointer(path, start, invalid);
  if (start.toString('latin1').startsWith('PK')) {
    const fix = 'convert it with safetensors.torch.save_file';
    throw invalid(path, 'this is a zip archive (as torch.save writes), not safetensors', undefined, fix);
  }
}

function invalid(path: string, problem: string, tensor?: string, fix = 'download or save the file again'): ConchError {
  // A hostile header may hold names and lists of megabytes.
  return new ConchError('SAFETENSORS_INVALID', `${path}: ${problem.slice(0, 1000)}`, {
    where: { file: path, ...(tensor !== undefined && { path: tensor.slice(0, 1000) }) },
    fix,
  });
}
