import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// npm run notebooks:kernel: the kernel `tslab` of this checkout, for the Jupyter on PATH. `tslab install` would have Jupyter
// look for tslab on PATH, and run it on any Node.js; the notebooks import TypeScript, which not every one reads.
const asked = spawnSync('jupyter', ['--data-dir'], { encoding: 'utf8' });
if (asked.status === 0) {
  const folder = join(asked.stdout.trim(), 'kernels/tslab');
  const tslab = join(dirname(createRequire(import.meta.url).resolve('tslab/package.json')), 'bin/tslab');
  const argv = [process.execPath, tslab, 'kernel', '--config-path', '{connection_file}'];
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'kernel.json');
  writeFileSync(file, `${JSON.stringify({ argv, display_name: 'TypeScript', language: 'typescript' }, null, 1)}\n`);
  console.log(`new: ${file}`);
} else {
  console.error(`error: jupyter --data-dir: ${asked.error?.message ?? asked.stderr.trim()}`);
  console.error('  fix: install JupyterLab (python3 -m pip install jupyterlab) and have it on PATH');
  process.exitCode = 1;
}
