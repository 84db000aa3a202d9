import { readFileSync } from 'node:fs';
import { compareVersions } from '../drivers.ts';
import type { Check } from '../examination.ts';

/** From this package's `engines`. */
function oldestNode(): string {
  const file = new URL('../../../../package.json', import.meta.url);
  const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { engines: { node: string } };
  return engines.node.replace(/^>=/, '');
}

export const node: Check = async ({ machine }) => {
  const oldest = oldestNode();
  const subject = 'node';
  if (compareVersions(machine.nodeVersion, oldest) >= 0) {
    return [{ subject, status: 'ok', detail: `Node.js ${machine.nodeVersion}` }];
  }
  const detail = `Node.js ${machine.nodeVersion}, at least ${oldest} is needed`;
  return [{ subject, status: 'missing', detail, fix: `install Node.js ${oldest} or later` }];
};
