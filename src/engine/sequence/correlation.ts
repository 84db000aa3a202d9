import type { SequencePosition } from '../../protocol/index.ts';

/** A sequence's id: an unsigned 64-bit number, or text. */
export type CorrelationId = bigint | string;

/** The id that a request carries; undefined: none, which 0 and the empty text stand for. */
export function correlationIdOf(sequence: SequencePosition | undefined): CorrelationId | undefined {
  const id = sequence?.id;
  if (typeof id === 'string') return id === '' ? undefined : id;
  if (id === undefined) return undefined;
  const value = BigInt.asUintN(64, BigInt(id));
  return value === 0n ? undefined : value;
}

/** What tells one sequence from another: the number 7 and the text "7" are two. */
export function keyOf(id: CorrelationId): string {
  return typeof id === 'string' ? `s${id}` : `u${id}`;
}
