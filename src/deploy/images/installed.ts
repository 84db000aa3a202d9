import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * This package, and the exact versions of all that it runs with here, so that an image is built of the same. Packages
 * installed in several versions are left to npm.
 */
export function installedPackages(): { name: string; version: string; dependencies: Record<string, string> } {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const own = read(root);
  const versions = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const visit = (dir: string) => {
    if (seen.has(dir)) return;
    seen.add(dir);
    const { name, version, dependencies = {} } = read(dir);
    if (dir !== root) versions.set(name, (versions.get(name) ?? new Set()).add(version));
    for (const dependency of Object.keys(dependencies)) {
      const found = locate(dir, dependency);
      if (found !== undefined) visit(found);
    }
  };
  visit(root);
  const single = [...versions].filter(([, found]) => found.size === 1).map(([name, found]) => [name, [...found][0]!]);
  const dependencies = Object.fromEntries(single.sort(([a], [b]) => (a! < b! ? -1 : 1)));
  return { name: own.name, version: own.version, dependencies };
}

function read(dir: string): PackageFile {
  return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as PackageFile;
}

/** Where Node finds `name` from `dir`; by folders, since `exports` may hide package.json. */
function locate(dir: string, name: string): string | undefined {
  for (let folder = dir; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}
