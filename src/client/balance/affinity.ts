import type { SequencePosition } from '../../protocol/index.ts';
import type { BalancedServer } from './servers.ts';

/** Sequences that are remembered; the oldest goes first. A server has one of its own for each of them, too. */
const most = 65_536;

/** Which server has which sequence: its requests must all go there, since the state is there. */
export class Affinity {
  readonly #servers = new Map<string, BalancedServer>();

  /** The server of a request's sequence; undefined for its first request, and for one that is not known. */
  of(model: string, { id, start }: SequencePosition): BalancedServer | undefined {
    return start ? undefined : this.#servers.get(keyOf(model, id));
  }

  note(model: string, { id, end }: SequencePosition, server: BalancedServer): void {
    const key = keyOf(model, id);
    this.#servers.delete(key);
    if (end) return;
    this.#servers.set(key, server);
    if (this.#servers.size > most) this.#servers.delete(this.#servers.keys().next().value!);
  }
}

function keyOf(model: string, id: SequencePosition['id']): string {
  return `${typeof id === 'string' ? 's' : 'n'}${id} ${model}`;
}
