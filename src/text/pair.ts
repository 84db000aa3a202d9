import type { ContentEncoder } from './content.ts';
import { type Component, invalid, isId, isRecord } from './tokenizer-json.ts';

/** A part of what a pair becomes: tokens that are always there, or one of the two texts. */
export type PairPiece =
  | { readonly ids: readonly number[]; readonly type: number }
  | { readonly text: 'A' | 'B'; readonly type: number };

const bare: readonly PairPiece[] = [
  { text: 'A', type: 0 },
  { text: 'B', type: 1 },
];

/** What the post-processor makes of a pair of texts. Those that only mend offsets count as none. */
export function readPairTemplate(processor: Component | null, path = 'post_processor'): readonly PairPiece[] {
  switch (processor?.type) {
    case 'BertProcessing': {
      const [cls, sep] = [special(processor.cls, `${path}.cls`), special(processor.sep, `${path}.sep`)];
      const first = [
        { ids: cls, type: 0 },
        { text: 'A', type: 0 },
        { ids: sep, type: 0 },
      ] as const;
      return [...first, { text: 'B', type: 1 }, { ids: sep, type: 1 }];
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [special(processor.cls, `${path}.cls`), special(processor.sep, `${path}.sep`)];
      const first = [
        { ids: cls, type: 0 },
        { text: 'A', type: 0 },
        { ids: [...sep, ...sep], type: 0 },
      ] as const;
      return [...first, { text: 'B', type: 0 }, { ids: sep, type: 0 }];
    }
    case 'TemplateProcessing':
      return readPieces(processor, path);
    case 'Sequence': {
      if (!Array.isArray(processor.processors)) throw invalid(`${path}.processors`, 'expected a list');
      const templates = processor.processors.map((inner, i) => readPairTemplate(inner, `${path}.processors[${i}]`));
      return templates.find((template) => template.some((piece) => 'ids' in piece)) ?? bare;
    }
    default:
      return bare;
  }
}

function special(value: unknown, path: string): number[] {
  if (Array.isArray(value) && isId(value[1])) return [value[1]];
  throw invalid(path, 'expected [token, id]');
}

function readPieces(processor: Component, path: string): PairPiece[] {
  if (!Array.isArray(processor.pair)) throw invalid(`${path}.pair`, 'expected a list');
  const known = isRecord(processor.special_tokens) ? processor.special_tokens : {};
  const pieces = processor.pair.map((piece: unknown, i: number): PairPiece => {
    const at = `${path}.pair[${i}]`;
    const item = isRecord(piece) ? (piece.SpecialToken ?? piece.Sequence) : undefined;
    if (!isRecord(piece) || !isRecord(item)) throw invalid(at, 'expected a SpecialToken or a Sequence');
    const type = isId(item.type_id) ? item.type_id : 0;
    if (isRecord(piece.Sequence)) {
      if (item.id !== 'A' && item.id !== 'B') throw invalid(at, 'expected sequence A or B');
      return { text: item.id, type };
    }
    const token = known[String(item.id)];
    const ids: unknown = isRecord(token) ? token.ids : undefined;
    if (Array.isArray(ids) && ids.every(isId)) return { ids, type };
    throw invalid(at, `special token ${JSON.stringify(item.id)} has no ids in ${path}.special_tokens`);
  });
  for (const text of ['A', 'B']) {
    const count = pieces.filter((piece) => 'text' in piece && piece.text === text).length;
    if (count !== 1) throw invalid(`${path}.pair`, `has ${count} places for text ${text}, it must have one`);
  }
  return pieces;
}

/**
 * How many ids of each text stay where both have `room`: the longer one is cut first, and both to a half where the
 * shorter is above that (`longest_first` of the Python package `tokenizers`).
 */
export function cutLongestFirst(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const [shorter, swapped] = first > second ? [second, true] : [first, false];
  const longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  const half = Math.floor(room / 2);
  const kept: [number, number] = shorter + longer > room ? [half, half + (room % 2)] : [shorter, longer];
  return swapped ? [kept[1], kept[0]] : kept;
}

/** Of two texts that are both longer than this many ids it is not looked which is the longer one. */
const countedIds = 16_384;

/** The ids of two texts with what stands around them, cut to `maxLength`. */
export function encodePair(
  content: ContentEncoder,
  pieces: readonly PairPiece[],
  [text, pair]: readonly [string, string],
  { maxLength, truncateLeft }: { readonly maxLength: number; readonly truncateLeft: boolean },
): { ids: number[]; typeIds: number[] } {
  const room = Math.max(0, maxLength - countSpecial(pieces));
  const ends = truncateLeft ? 'last' : 'first';
  const idsOf = (limit: number) => [text, pair].map((one) => content[ends](one.toWellFormed(), limit));
  let all = idsOf(room);
  // Both are cut to a half then, and of an odd number the longer one gets more.
  if (room % 2 === 1 && all.every(({ length }) => length >= room)) all = idsOf(countedIds);
  const counts = all.map(({ length }) => Math.min(length, countedIds));
  const [a, b] = cutLongestFirst(counts[0]!, counts[1]!, room);
  const kept = (ids: readonly number[], count: number) =>
    truncateLeft ? ids.slice(ids.length - count) : ids.slice(0, count);
  const cut = { A: kept(all[0]!, a), B: kept(all[1]!, b) };
  const ids: number[] = [];
  const typeIds: number[] = [];
  for (const piece of pieces) {
    const part = 'ids' in piece ? piece.ids : cut[piece.text];
    for (const id of part) {
      ids.push(id);
      typeIds.push(piece.type);
    }
  }
  return { ids, typeIds };
}

function countSpecial(pieces: readonly PairPiece[]): number {
  return pieces.reduce((sum, piece) => sum + ('ids' in piece ? piece.ids.length : 0), 0);
}
