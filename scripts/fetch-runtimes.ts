/**
 * Installs Deno and Bun from npm (200 MB) into .conch/runtimes, where the client's tests find them:
 * `npm run test:runtimes` does both. Nothing outside that folder changes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = fileURLToPath(new URL('../.conch/runtimes', import.meta.url));
const wanted = ['deno@2.9.6', 'bun@1.4.5'];
const mark = join(target, `${wanted.join('-')}.installed`);

if (!existsSync(mark)) {
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'package.json'), '{"private":true}\n');
  const { status, error, stderr } = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--save-exact', ...wanted],
    {
      cwd: target,
      encoding: 'utf8',
    },
  );
  if (status !== 0) {
    console.error(`Deno and Bun could not be installed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
    process.exit(1);
  }
  writeFileSync(mark, '');
}
console.error('.conch/runtimes is ready');
