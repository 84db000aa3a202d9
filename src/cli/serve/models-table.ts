import type { ModelIndexEntry } from '../../protocol/index.ts';
import { table } from '../table.ts';

/** What became of every model: a line a version, with the reason where it does not serve. */
export function modelsTable(index: readonly ModelIndexEntry[]): string {
  const rows = index.map(({ name, version = '', state = 'not loaded', reason = '' }) => [
    name,
    version,
    state,
    // The cause in sight; what a model's own code printed may go on for pages.
    reason.split('\n').slice(0, 3).join('\n'),
  ]);
  const failed = rows.some(([, , , reason]) => reason !== '');
  const head = ['model', 'version', 'state', ...(failed ? ['reason'] : [])];
  return table(head, failed ? rows : rows.map((row) => row.slice(0, 3)), [1]);
}
