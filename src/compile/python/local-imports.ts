import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/**
 * A Python file and the files beside and below it that it imports, directly or through each other, relative to its
 * folder: what the module depends on, as far as its text tells. Installed packages are not among them.
 */
export async function withLocalImports(file: string): Promise<string[]> {
  const root = dirname(file);
  const found = new Set<string>([file]);
  for (const path of found) {
    for (const imported of importsOf(await readFile(path, 'utf8'))) {
      // A leading dot starts at the importing file's folder, each further one a folder higher; `import a.b` runs a too.
      const dots = /^\.*/.exec(imported)![0].length;
      const base = dots === 0 ? root : join(dirname(path), '../'.repeat(dots - 1));
      const parts = imported.split('.').filter(Boolean);
      for (let depth = 1; depth <= parts.length; depth++) {
        const stem = join(base, ...parts.slice(0, depth));
        for (const candidate of [`${stem}.py`, join(stem, '__init__.py')]) {
          if (existsSync(candidate)) found.add(candidate);
        }
      }
    }
  }
  return [...found].map((path) => relative(root, path)).sort();
}

/** Names of modules in import statements; of `from a import b` both `a` and `a.b`, since b may be a module. */
function importsOf(source: string): string[] {
  const names: string[] = [];
  const statements = source.matchAll(
    /^[ \t]*(?:import[ \t]+([\w., \t]+)|from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[\w, \t*]+))/gm,
  );
  for (const [, plain, from, imported] of statements) {
    for (const name of plain?.split(',') ?? []) names.push(name.trim().split(/\s/)[0]!);
    if (from === undefined) continue;
    names.push(from);
    const list = imported!.replaceAll(/[()]|#.*$/gm, '').split(',');
    for (const name of list) names.push(`${from}.${name.trim().split(/\s/)[0]}`);
  }
  return names.filter((name) => /\w/.test(name));
}
