import { ConchError } from '../../base/index.ts';
import type { RunEnd } from './process.ts';

export type Installer = 'uv' | 'pip';

/** What installers and Python say, by what can be done about it. */
const causes: readonly (readonly [pattern: RegExp, problem: string, fix: string])[] = [
  [
    /No space left on device|\bENOSPC\b|Errno 28|disk is full/i,
    'the disk is full',
    'make room or set CONCH_CACHE to a folder on a larger disk, then run `conch env` again',
  ],
  [
    /DO NOT MATCH THE HASHES|hash mismatch|hashes? (?:did|do)(?:es)? not match/i,
    'a package is not the one that is pinned',
    'check the package index that pip or uv is configured to use; a mirror must serve the original files',
  ],
  [
    /name resolution|dns error|Name or service not known|Network is unreachable|No route to host|Connection (?:refused|reset)|NewConnectionError|ConnectTimeout|Read timed out|operation timed out|error sending request|ProxyError|Failed to fetch|Could not connect/i,
    'the package index cannot be reached',
    'connect to a network, or set PIP_INDEX_URL (UV_INDEX_URL for uv) to a mirror, then run `conch env` again',
  ],
  [
    /No matching distribution|No solution found|not a supported wheel|no wheels with a matching/i,
    'there are no packages for this Python and system',
    'name another Python with --python (3.11 to 3.14, 64 bit), or another index with --torch-index',
  ],
  [
    /ensurepip is not available|No module named (?:venv|ensurepip)/i,
    'this Python cannot make environments',
    'install the package python3-venv of your system, or uv',
  ],
  [/Permission denied|Errno 13/i, 'the folder cannot be written', 'set CONCH_CACHE to a folder that can be written'],
];

/** Why an installation step ended badly, from what it printed. */
export function installationFailed(step: {
  readonly dir: string;
  readonly installer: Installer | 'Python';
  /** As in `uv could not install packages`. */
  readonly doing: string;
  readonly ended: RunEnd;
}): ConchError {
  const { dir, installer, doing, ended } = step;
  const log = `${dir}.log`;
  const text = ended.lastLines.join('\n');
  const [, problem, fix] = causes.find(([pattern]) => pattern.test(text)) ?? [];
  const said = ended.lastLines.findLast((line) => line.trim() !== '')?.trim();
  const why = ended.how === 'timeout' ? 'it took longer than 4 hours' : (problem ?? ended.how);
  return new ConchError('ENVIRONMENT_FAILED', `${installer} could not ${doing}: ${why}${said ? ` (${said})` : ''}`, {
    where: { file: log },
    fix: fix ?? `see ${log}; running \`conch env\` again goes on where it stopped`,
  });
}
