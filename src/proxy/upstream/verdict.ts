import type { ConchError } from '../../base/index.ts';
import type { Fault } from './circuit.ts';

export interface Verdict {
  /** What the failure says of the server; undefined: nothing against it. */
  readonly fault: Fault | undefined;
  /** Whether the same request may do better on another server. */
  readonly retry: boolean;
}

const nothing: Verdict = { fault: undefined, retry: false };

/** What a failed inference says of its server. `gone`: the client went away, or the time was up. */
export function verdictOf(error: ConchError, gone: boolean): Verdict {
  switch (error.code) {
    case 'SERVER_UNREACHABLE':
      return gone ? nothing : { fault: 'unreachable', retry: true };
    case 'DEADLINE_EXCEEDED':
      // A server that hangs, or a model that is slow; the time for a second one is spent.
      return { fault: 'failing', retry: false };
    case 'SERVER_ERROR':
      return gone ? nothing : ofServersWords(error);
    default:
      return nothing;
  }
}

function ofServersWords({ status, message }: ConchError): Verdict {
  // A full queue is load, not failure, and another server's may have room.
  if (status === 'UNAVAILABLE') return { fault: /\bqueue\b/i.test(message) ? undefined : 'failing', retry: true };
  // The model is not on that server, or is being loaded: others may have it.
  if (status === 'NOT_FOUND' || /\bunknown model\b|\bnot at ready state\b/i.test(message)) {
    return { fault: undefined, retry: true };
  }
  if (status === 'CANCELLED') return { fault: undefined, retry: true };
  // The model failed on this input, and may on every server: trying them one by one would take them all down.
  if (status === 'INTERNAL' || status === 'UNKNOWN') return { fault: 'failing', retry: false };
  return nothing;
}
