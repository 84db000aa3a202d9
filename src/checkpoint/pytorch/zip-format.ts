import { type Pickled, readPickle, ZipArchive } from '../../pytorch/index.ts';
import { type Region, storageReference, type TorchArchive } from './archive.ts';
import { isPermitted } from './permitted.ts';
import { invalid, unsupported } from './refusal.ts';

/** The pickle of a model with thousands of tensors takes less than a megabyte. */
const largestPickle = 64 * 1024 * 1024;

/**
 * Reads what torch.save has written since 1.6: a ZIP archive with `data.pkl`, one uncompressed member `data/<key>` a
 * storage, and `byteorder`. Throws ConchError or what the pickle reader throws.
 */
export async function readZipFormat(path: string): Promise<TorchArchive> {
  const archive = await ZipArchive.open(path);
  try {
    const root = archive.names.find((name) => /^(?:[^/]+\/)?data\.pkl$/.test(name))?.slice(0, -'data.pkl'.length);
    if (root === undefined) throw invalid(path, 'the archive has no data.pkl');
    if (archive.names.some((name) => name.startsWith(`${root}code/`))) {
      throw unsupported(
        path,
        'this is a TorchScript model, not a state dict',
        undefined,
        "save the weights: torch.save(model.state_dict(), 'pytorch_model.bin')",
      );
    }
    const references: Pickled[] = [];
    const pickle = (await archive.read(`${root}data.pkl`, largestPickle))!;
    const { value } = readPickle(pickle, { permit: isPermitted, onPersistent: (id) => references.push(id) });
    const storages = new Map<string, Region>();
    for (const id of references) {
      const key = storageReference(id)?.key;
      if (key === undefined || storages.has(key)) continue;
      const region = await archive.locate(`${root}data/${key}`);
      if (region === undefined) throw invalid(path, `the archive has no data/${key}, which its pickle refers to`);
      storages.set(key, region);
    }
    const order = (await archive.read(`${root}byteorder`, 16))?.toString().trim() ?? 'little';
    if (order !== 'little' && order !== 'big') throw invalid(path, `byteorder is '${order}', expected little or big`);
    return { value, storages, bigEndian: order === 'big' };
  } finally {
    await archive.close();
  }
}
