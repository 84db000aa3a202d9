import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Diagnostic, Severity } from '../base/index.ts';
import { type LayoutCode, layoutRules } from './layout-rules.ts';

/** One thing in a folder. `other`: a socket, pipe or device; `outside`: a link that is not followed. */
export interface FolderItem {
  name: string;
  path: string;
  kind: 'file' | 'folder' | 'other' | 'outside';
  size: number;
}

/** Within what links may lead, and where findings go. Paths are real (all links resolved). */
export interface Bounds {
  root: string;
  /** The model's folder, below which links should stay. */
  model?: { name: string; dir: string };
  report: (finding: Diagnostic) => void;
}

/** Files conch reads whole are configurations, labels and manifests; a larger one is a mistake or an attack. */
const largestText = 64 * 1024 * 1024;

/** The content of `dir`, ascending by name. Links are followed as long as they stay below the root. */
export async function listFolder(dir: string, bounds: Bounds): Promise<FolderItem[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(dir, { withFileTypes: true });
  } catch (error) {
    report(bounds, 'error', 'repository/unreadable', dir, `cannot be listed: ${reason(error)}`);
    return [];
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const items: FolderItem[] = [];
  for (const entry of entries) {
    const item = await examine(dir, entry, bounds); // one after the other, so that findings keep the files' order
    if (item !== undefined) items.push(item);
  }
  return items;
}

async function examine(dir: string, entry: Dirent, bounds: Bounds): Promise<FolderItem | undefined> {
  const path = join(dir, entry.name);
  const item = { name: entry.name, path, size: 0 };
  try {
    if (entry.isSymbolicLink() && !(await mayFollow(path, bounds))) return { ...item, kind: 'outside' };
    const status = await stat(path);
    if (status.isDirectory()) return { ...item, kind: 'folder' };
    return { ...item, kind: status.isFile() ? 'file' : 'other', size: status.isFile() ? status.size : 0 };
  } catch (error) {
    const isLink = entry.isSymbolicLink();
    const what = isLink ? 'is a link that leads nowhere' : 'cannot be read';
    const [severity, consequence] = isLink ? deadLink(dir, bounds) : (['error', ''] as const);
    report(bounds, severity, 'repository/unreadable', path, `${what}: ${reason(error)}${consequence}`);
    return undefined;
  }
}

/** What Triton was seen to make of a link that leads nowhere. It looks at what lies in a model's folder, not deeper. */
function deadLink(dir: string, { root, model }: Bounds): [Severity, string] {
  if (dir === root) return ['error', '; Triton cannot read such a repository, and serves none of its models'];
  if (dir === model?.dir || dirname(dir) === root) return ['error', '; Triton refuses the model'];
  return ['warning', ''];
}

async function mayFollow(link: string, bounds: Bounds): Promise<boolean> {
  const target = await realpath(link);
  if (!isWithin(target, bounds.root)) {
    report(
      bounds,
      'warning',
      'repository/link-outside',
      link,
      `links to ${target}, outside the repository; Triton follows it, conch does not`,
    );
    return false;
  }
  if (bounds.model !== undefined && !isWithin(target, bounds.model.dir)) {
    report(
      bounds,
      'warning',
      'repository/link-leaves-model',
      link,
      `links to ${relative(bounds.root, target)}, outside the model's folder; it breaks when the folder is copied alone`,
    );
  }
  return true;
}

/** Every file below `dir`. Folders reached twice (links in a circle) are entered once. */
export async function listFiles(dir: string, bounds: Bounds): Promise<{ path: string; size: number }[]> {
  const files: { path: string; size: number }[] = [];
  const entered = new Set<string>();
  const enter = async (folder: string, prefix: string): Promise<void> => {
    const real = await realpath(folder);
    if (entered.has(real)) return;
    entered.add(real);
    for (const item of await listFolder(folder, bounds)) {
      if (item.kind === 'file') files.push({ path: prefix + item.name, size: item.size });
      if (item.kind === 'folder') await enter(item.path, `${prefix}${item.name}/`);
    }
  };
  await enter(dir, '');
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file's bytes, or undefined with a finding: not a regular file, too large, unreadable. */
export async function readWhole(item: FolderItem, bounds: Bounds): Promise<Buffer | undefined> {
  if (item.kind !== 'file') {
    const what = item.kind === 'folder' ? 'is a folder' : 'is not a regular file';
    report(bounds, 'error', 'repository/not-a-file', item.path, `${what}; a text file is expected there`);
    return undefined;
  }
  if (item.size > largestText) {
    const size = `${(item.size / 1024 / 1024).toFixed(0)} MB`;
    report(bounds, 'error', 'repository/too-large', item.path, `holds ${size}, which is no plausible text file`);
    return undefined;
  }
  try {
    return await readFile(item.path);
  } catch (error) {
    report(bounds, 'error', 'repository/unreadable', item.path, `cannot be read: ${reason(error)}`);
    return undefined;
  }
}

/** Whether `path` is `folder` or lies below it; both absolute and without links. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Files one finding; the message starts with the path as seen from the root, in one line. */
export function report(
  bounds: Bounds,
  severity: Severity,
  code: LayoutCode,
  path: string,
  what: string,
  fix: string = layoutRules[code].fix,
): void {
  bounds.report({
    code,
    severity,
    message: `${relative(bounds.root, path) || path} ${what}`.replace(/[\r\n]+/g, ' '),
    ...(bounds.model === undefined ? {} : { model: bounds.model.name }),
    where: { file: path },
    fix: { text: fix },
  });
}

/** A file system error without its path and call, which the message has already. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : (reasons[code] ?? code);
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'no such file or folder',
  ELOOP: 'links in a circle',
  ENOSPC: 'no space left on the device',
  EROFS: 'read-only file system',
};
