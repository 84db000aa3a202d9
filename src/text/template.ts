import { type Component, invalid, isId, isRecord } from './tokenizer-json.ts';

/** What the post-processor puts around one text. */
export interface Template {
  readonly before: readonly number[];
  readonly beforeTypes: readonly number[];
  readonly after: readonly number[];
  readonly afterTypes: readonly number[];
  /** The token type of the text itself. */
  readonly type: number;
}

const bare: Template = { before: [], beforeTypes: [], after: [], afterTypes: [], type: 0 };

/** The template for a single text. Post-processors that only mend offsets count as none. */
export function readTemplate(processor: Component | null, path = 'post_processor'): Template {
  if (processor === null) return bare;
  switch (processor.type) {
    case 'ByteLevel':
      return bare;
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const before = [pairId(processor.cls, `${path}.cls`)];
      const after = [pairId(processor.sep, `${path}.sep`)];
      return { before, beforeTypes: [0], after, afterTypes: [0], type: 0 };
    }
    case 'TemplateProcessing':
      return readPieces(processor, path);
    case 'Sequence': {
      if (!Array.isArray(processor.processors)) throw invalid(`${path}.processors`, 'expected a list');
      const templates = processor.processors.map((inner, i) => readTemplate(inner, `${path}.processors[${i}]`));
      const adding = templates.filter((template) => template.before.length + template.after.length > 0);
      if (adding.length > 1) throw invalid(path, 'more than one post-processor adds special tokens');
      return adding[0] ?? bare;
    }
    default:
      throw invalid(`${path}.type`, `${JSON.stringify(processor.type)} is not supported`);
  }
}

function pairId(value: unknown, path: string): number {
  if (Array.isArray(value) && isId(value[1])) return value[1];
  throw invalid(path, 'expected [token, id]');
}

function readPieces(processor: Component, path: string): Template {
  if (!Array.isArray(processor.single)) throw invalid(`${path}.single`, 'expected a list');
  const known = isRecord(processor.special_tokens) ? processor.special_tokens : {};
  const sides = {
    before: [] as number[],
    beforeTypes: [] as number[],
    after: [] as number[],
    afterTypes: [] as number[],
  };
  let type: number | undefined;
  processor.single.forEach((piece: unknown, i: number) => {
    const at = `${path}.single[${i}]`;
    const item = isRecord(piece) ? (piece.SpecialToken ?? piece.Sequence) : undefined;
    if (!isRecord(piece) || !isRecord(item)) throw invalid(at, 'expected a SpecialToken or a Sequence');
    const typeId = isId(item.type_id) ? item.type_id : 0;
    if (isRecord(piece.Sequence)) {
      if (item.id !== 'A' || type !== undefined) throw invalid(at, 'expected sequence A, once');
      type = typeId;
      return;
    }
    const token = known[String(item.id)];
    const ids: unknown = isRecord(token) ? token.ids : undefined;
    if (!Array.isArray(ids) || !ids.every(isId)) {
      throw invalid(at, `special token ${JSON.stringify(item.id)} has no ids in ${path}.special_tokens`);
    }
    const side = type === undefined ? 'before' : 'after';
    sides[side].push(...ids);
    sides[`${side}Types`].push(...ids.map(() => typeId));
  });
  if (type === undefined) throw invalid(`${path}.single`, 'has no place for the text (Sequence A)');
  return { ...sides, type };
}
