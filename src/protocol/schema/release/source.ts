import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError } from '../../../base/index.ts';
import { download } from './download.ts';
import { invalid, maxFileBytes, type ProtoFile } from './proto-file.ts';

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** For each address; 20 s by default. */
  readonly timeoutMs?: number;
}

/** A folder is walked this deep and no further; Triton's own lie at most three levels below what one would name. */
const maxDepth = 8;
const maxEntries = 20_000;

/**
 * Reads every source: a folder, a file or an http(s) address. In a folder, files whose text names another package than
 * `packages` are passed over, and so are Python modules without a descriptor.
 */
export async function readSources(
  sources: readonly string[],
  packages: ReadonlySet<string>,
  options: ReadOptions,
): Promise<ProtoFile[]> {
  const files: ProtoFile[] = [];
  for (const source of sources) {
    if (/^https?:\/\//i.test(source)) files.push(...(await parseText(await download(source, options), source)));
    else files.push(...(await readPath(source, packages)));
  }
  return files;
}

async function readPath(path: string, packages: ReadonlySet<string>): Promise<ProtoFile[]> {
  const status = await stat(path).catch((cause) => {
    throw new ConchError('FILE_NOT_FOUND', `no file or folder at ${path}`, {
      where: { file: path },
      fix: 'name a folder of .proto files, an unpacked tritonclient (npm run fetch:tritonclient brings one), or an address',
      cause,
    });
  });
  if (!status.isDirectory()) {
    const files = await parseText(await readText(path), path);
    if (files.length === 0) throw invalid(path, 'holds no descriptor (AddSerializedFile or serialized_pb)');
    return files;
  }
  const paths = await filesIn(path);
  if (paths.length === 0)
    throw invalid(path, `the folder holds no .proto file and no *_pb2.py${await archivesIn(path)}`);
  const files: ProtoFile[] = [];
  for (const file of paths) {
    const text = await readText(file);
    const named = /^[ \t]*package[ \t]+([\w.]+)[ \t]*;/m.exec(text)?.[1];
    if (file.endsWith('.proto') && named !== undefined && !packages.has(named)) continue;
    files.push(...(await parseText(text, file)));
  }
  return files;
}

/** A word on wheels that only have to be unpacked. */
async function archivesIn(folder: string): Promise<string> {
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  return wheel === undefined ? '' : `; unpack ${wheel} first (python3 -m zipfile -e FILE FOLDER)`;
}

/** Paths of the .proto files and generated modules under a folder, sorted. */
async function filesIn(root: string): Promise<string[]> {
  const found: string[] = [];
  let seen = 0;
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (++seen > maxEntries) throw invalid(root, `the folder holds more than ${maxEntries} entries`);
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (depth < maxDepth && !/^(\.|node_modules$)/.test(entry.name)) await walk(path, depth + 1);
      } else if (/(\.proto|_pb2\.py)$/.test(entry.name) && (await isFile(path))) found.push(path);
    }
  };
  await walk(root, 0);
  return found.sort();
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function readText(path: string): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    if (!(await isFile(path))) throw invalid(path, 'is neither a file nor a folder');
    handle = await open(path);
    // One byte beyond the limit tells a file that is too large, whatever its size claims to be.
    const buffer = Buffer.alloc(maxFileBytes + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < buffer.length; length += read) {
      read = (await handle.read(buffer, length, buffer.length - length)).bytesRead;
    }
    if (length > maxFileBytes) throw invalid(path, `is larger than ${maxFileBytes} bytes`);
    return buffer.toString('utf8', 0, length);
  } catch (thrown) {
    if (thrown instanceof ConchError) throw thrown;
    throw new ConchError('FILE_NOT_FOUND', `${path} cannot be read: ${(thrown as Error).message}`, {
      where: { file: path },
      cause: thrown,
    });
  } finally {
    await handle?.close();
  }
}

/** What a text declares, as .proto or as a generated Python module, whichever its name or its content says. */
async function parseText(text: string, source: string): Promise<ProtoFile[]> {
  if (text.startsWith('PK\u0003\u0004')) {
    throw invalid(source, 'is an archive: unpack it (python3 -m zipfile -e FILE FOLDER) and name the folder');
  }
  if (/\.py$/.test(source.replace(/[?#].*$/, ''))) {
    const { pythonDescriptors } = await import('./python-literal.ts');
    const { readDescriptor } = await import('./descriptor.ts');
    return pythonDescriptors(text, source).map((bytes) => readDescriptor(bytes, source));
  }
  const { parseProtoText } = await import('./proto-text.ts');
  return [parseProtoText(text, source)];
}
