import { ConchError } from '../base/index.ts';

/** A failure of an inference for several requests that a single one's values can have caused. */
export function mayBeOneRequests(error: unknown): boolean {
  if (!(error instanceof ConchError)) return false;
  if (error.code === 'EXECUTION_FAILED') return true;
  return error.code === 'SERVER_ERROR' && error.status !== 'UNAVAILABLE' && error.status !== 'NOT_FOUND';
}

/** Aborts when all members have; a member whose signal aborts gets its reason at once. */
export class SharedSignal {
  readonly #controller = new AbortController();
  readonly #releases: (() => void)[] = [];

  constructor(members: readonly SignalMember[]) {
    let left = members.length;
    for (const { signal, reject } of members) {
      const onAbort = () => {
        reject(signal.reason);
        left--;
        if (left === 0) this.#controller.abort(signal.reason);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      this.#releases.push(() => signal.removeEventListener('abort', onAbort));
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  release(): void {
    for (const release of this.#releases) release();
  }
}

export interface SignalMember {
  readonly signal: AbortSignal;
  readonly reject: (reason: unknown) => void;
}
