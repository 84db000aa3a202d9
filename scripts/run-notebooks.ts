import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { executeNotebook } from './notebook.ts';

// npm run notebooks [-- notebooks/00...]: executes them and keeps their outputs in the files; each in a process of its own.
// A notebook runs in its own folder.
const [path, out, ...others] = process.argv.slice(2).map((one) => resolve(one));
if (path !== undefined && out !== undefined && others.length === 0) {
  const executed = await executeNotebook(JSON.parse(readFileSync(path, 'utf8')), path);
  writeFileSync(out, `${JSON.stringify(executed, null, 1)}\n`);
  process.exit(0);
}
const folder = join(import.meta.dirname, '../notebooks');
const named = path === undefined ? readdirSync(folder).filter((name) => name.endsWith('.ipynb')) : [];
for (const file of path === undefined ? named.map((name) => join(folder, name)) : [path]) {
  const { status } = spawnSync(process.execPath, [import.meta.filename, file, file], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
