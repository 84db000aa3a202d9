import { datatypeFromSafetensors, elementCount } from '../../tensor/index.ts';
import {
  becameShorter,
  openWeights,
  readFully,
  refuseLfsPointer,
  type StoredTensor,
  type WeightsFile,
} from '../weights-file.ts';
import type { TorchArchive } from './archive.ts';
import { invalid, refusalOf, unsupported } from './refusal.ts';
import { type TensorView, tensorsOf } from './state-dict.ts';
import { readStreamFormat } from './stream-format.ts';
import { readView } from './strided.ts';
import { readZipFormat } from './zip-format.ts';

/**
 * Opens a state dict that torch.save wrote, in the ZIP format (since 1.6) or the stream before it. Names, shapes and
 * places come from its pickle, which is read as data: nothing in it is executed, and it may name nothing but tensors.
 * Throws FILE_NOT_FOUND, CHECKPOINT_INVALID (damaged), or CHECKPOINT_UNSUPPORTED naming what is not read.
 */
export async function openPytorchWeights(path: string): Promise<WeightsFile> {
  const { archive, views } = await readState(path);
  const tensors = new Map<string, StoredTensor>();
  const byName = new Map<string, TensorView>();
  for (const view of views) {
    const { name, elements, shape } = view;
    const datatype = datatypeFromSafetensors(elements.dtype)?.name;
    const bytes = elementCount(shape) * elements.size;
    tensors.set(name, { name, dtype: elements.dtype, datatype, shape, bytes, file: path });
    byName.set(name, view);
  }
  return {
    path,
    tensors,
    read(name) {
      const view = byName.get(name);
      if (view) return readView(path, view, archive.bigEndian);
      throw invalid(path, `there is no tensor '${name}'`, name);
    },
  };
}

async function readState(path: string): Promise<{ archive: TorchArchive; views: TensorView[] }> {
  const format = await formatOf(path);
  try {
    const archive = format === 'zip' ? await readZipFormat(path) : await readStreamFormat(path);
    return { archive, views: tensorsOf(path, archive) };
  } catch (error) {
    throw refusalOf(path, error);
  }
}

/** By the file's first bytes: `PK` of a ZIP archive, or the opcode that opens a pickle. */
async function formatOf(path: string): Promise<'zip' | 'stream'> {
  const file = await openWeights(path, invalid);
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(Math.min(size, 262));
    await readFully(file, start, 0, () => becameShorter(path, undefined, invalid));
    refuseLfsPointer(path, start, invalid);
    if (start.toString('latin1', 257, 262) === 'ustar') {
      throw unsupported(path, "this is PyTorch's tar format of before 0.1.10, which is not read");
    }
    if (start.toString('latin1', 0, 4) === 'PK\x03\x04') return 'zip';
    if (start[0] === 0x80) return 'stream';
    throw invalid(path, `${size} bytes that are neither a ZIP archive nor a pickle, as torch.save writes them`);
  } finally {
    await file.close();
  }
}
