import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// npm run lock:environment [path of uv]: pins python/compile/requirements.in with all that it needs, by hash and for every
// system, into torch.txt (PyTorch and the CUDA packages that only it needs) and requirements.txt (the rest).
const folder = join(import.meta.dirname, '../python/compile');
const uv = process.argv[2] ?? 'uv';
const options = ['--universal', '--python-version', '3.11', '--generate-hashes', '--no-header', '--no-annotate'];
const hidden = ['--no-config', '--no-emit-index-url', '--no-emit-find-links', '--quiet'];
const lock = execFileSync(uv, ['pip', 'compile', ...options, ...hidden, join(folder, 'requirements.in')], {
  encoding: 'utf8',
});
const entries = lock.split(/\n(?=[a-z])/i).map((entry) => `${entry.trimEnd()}\n`);
const isTorch = (entry: string) => /^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)[=[]/.test(entry);
writeFileSync(join(folder, 'torch.txt'), entries.filter(isTorch).join(''));
writeFileSync(join(folder, 'requirements.txt'), entries.filter((entry) => !isTorch(entry)).join(''));
