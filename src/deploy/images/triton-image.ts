import { servingImage } from '../../compile/index.ts';
import { tokenizersPackage } from '../pins.ts';
import type { DeployPlan } from '../plan.ts';
import type { GeneratedFile } from '../write-files.ts';

/**
 * The build of Triton's image with the one package that it lacks, where a tokenizer needs it; nothing otherwise. The
 * package itself is enough: what it depends on is only used to download tokenizers. It is checked by hash.
 */
export function tritonImageFiles({ target, tokenizers }: DeployPlan, folder: string): GeneratedFile[] {
  if (tokenizers.length === 0) return [];
  const who = tokenizers.map(({ model, kind }) => `${model} (${kind})`).join(', ');
  const dockerfile = [
    `# Triton's image and the Python package tokenizers, which it lacks. Needed by ${who}.`,
    `FROM ${servingImage(target)}`,
    'COPY requirements.txt /tmp/requirements.txt',
    // The image's Python is managed by its distribution, and meant to be added to.
    'RUN PIP_BREAK_SYSTEM_PACKAGES=1 pip3 install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements.txt \\',
    "    && python3 -c 'import tokenizers'",
    'USER 1000:1000',
    '',
  ];
  const { version, hashes } = tokenizersPackage;
  const requirements = [`tokenizers==${version}`, ...hashes.map((hash) => `    --hash=${hash}`)].join(' \\\n');
  return [
    { path: `${folder}/Dockerfile`, text: dockerfile.join('\n') },
    { path: `${folder}/requirements.txt`, text: `${requirements}\n` },
    { path: `${folder}/.dockerignore`, text: '*\n!requirements.txt\n' },
  ];
}
