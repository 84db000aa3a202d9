import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConchError } from '../base/index.ts';
import { createTokenizer, type TextTokenizer } from './tokenizer.ts';
import { isRecord } from './tokenizer-json.ts';
import { bertSettings, tokenizerFromVocabulary } from './vocabulary.ts';

export interface TokenizerFiles {
  /** The content of tokenizer.json, read or made from vocab.txt. */
  tokenizerJson: object;
  /** The content of tokenizer_config.json, completed by special_tokens_map.json. */
  tokenizerConfig: object;
  /** Most ids of one text, special tokens included. */
  maxLength: number;
  /** Files read, absolute paths. */
  sources: string[];
}

const largestFile = 256 * 1024 * 1024;

/**
 * A checkpoint's tokenizer as files: tokenizer.json as it is, or made from vocab.txt for BERT's WordPiece, and the
 * settings beside it. `maxPositions` is what the model's position embeddings allow. TOKENIZER_INVALID when neither
 * file is there, one is broken, or vocab.txt belongs to another kind of tokenizer.
 */
export async function tokenizerFiles(
  checkpointDir: string,
  options: { maxPositions?: number } = {},
): Promise<TokenizerFiles> {
  const dir = resolve(checkpointDir);
  const folder = new Folder(dir);
  const config = (await folder.json('tokenizer_config.json')) ?? {};
  const special = (await folder.json('special_tokens_map.json')) ?? {};
  const tokenizerJson = (await folder.json('tokenizer.json')) ?? (await fromVocabulary(folder, config, special));
  const tokenizerConfig = { ...special, ...config };
  const limit = options.maxPositions === undefined ? {} : { maxLength: options.maxPositions };
  const { maxLength } = createTokenizer(tokenizerJson, { tokenizerConfig, ...limit });
  return { tokenizerJson, tokenizerConfig, maxLength, sources: folder.read };
}

/** The tokenizer in a folder that holds tokenizer.json and perhaps tokenizer_config.json, e.g. a compiled model's. */
export async function readTokenizer(dir: string, options: { maxLength?: number } = {}): Promise<TextTokenizer> {
  const folder = new Folder(resolve(dir));
  const tokenizerJson = await folder.json('tokenizer.json');
  if (tokenizerJson === undefined) {
    throw new ConchError('TOKENIZER_INVALID', `${dir} has no tokenizer.json`, { where: { file: dir } });
  }
  const tokenizerConfig = (await folder.json('tokenizer_config.json')) ?? {};
  return createTokenizer(tokenizerJson, { tokenizerConfig, ...options });
}

/** Tokenizer classes that read vocab.txt as BERT does. */
const bertClasses =
  /^(Bert|DistilBert|Electra|MobileBert|SqueezeBert|ConvBert|LayoutLM|MPNet|Retribert|DPR\w*|PreTrained)Tokenizer(Fast)?$/;
const bertTypes = /^(bert|distilbert|electra|mobilebert|squeezebert|convbert|layoutlm)$/;

async function fromVocabulary(folder: Folder, config: Json, special: Json): Promise<Json> {
  const text = await folder.text('vocab.txt');
  if (text === undefined) throw await nothingToRead(folder.dir);
  const kind = config.tokenizer_class;
  const modelType = kind === undefined ? (await folder.json('config.json'))?.model_type : undefined;
  const foreign =
    (typeof kind === 'string' && !bertClasses.test(kind) && kind) ||
    (typeof modelType === 'string' && !bertTypes.test(modelType) && modelType);
  if (foreign) {
    throw new ConchError(
      'TOKENIZER_INVALID',
      `${folder.dir}: a tokenizer of kind ${foreign} cannot be made from vocab.txt, only BERT's WordPiece can`,
      { where: { file: folder.path('vocab.txt') }, fix: convert(folder.dir) },
    );
  }
  const made = tokenizerFromVocabulary(text, bertSettings(config, special), folder.path('vocab.txt')) as Json;
  await refuseFurtherTokens(folder, config, made);
  return made;
}

/** Tokens beyond vocab.txt would be missing from the ids without a word. */
async function refuseFurtherTokens(folder: Folder, config: Json, made: Json): Promise<void> {
  const { vocab } = made.model as { vocab: Record<string, number> };
  const inConfig = Object.values(config.added_tokens_decoder ?? {}).map((token) => isRecord(token) && token.content);
  const inFile = Object.keys((await folder.json('added_tokens.json')) ?? {});
  const further = [...inConfig, ...inFile].find((token) => typeof token === 'string' && !Object.hasOwn(vocab, token));
  if (further === undefined) return;
  throw new ConchError(
    'TOKENIZER_INVALID',
    `${folder.dir}: the tokenizer has the added token ${JSON.stringify(further)}, which vocab.txt lacks`,
    { where: { file: folder.path('vocab.txt') }, fix: convert(folder.dir) },
  );
}

async function nothingToRead(dir: string): Promise<ConchError> {
  const present = (await readdir(dir).catch(() => [])).filter((name) =>
    /vocab|merges|spiece|sentencepiece|bpe/.test(name),
  );
  const found = present.length > 0 ? `, only ${present.sort().join(', ')}` : '';
  return new ConchError('TOKENIZER_INVALID', `${dir} has neither tokenizer.json nor vocab.txt${found}`, {
    where: { file: dir },
    fix: convert(dir),
  });
}

function convert(dir: string): string {
  return `write tokenizer.json with Python: AutoTokenizer.from_pretrained(${JSON.stringify(dir)}).save_pretrained(${JSON.stringify(dir)})`;
}

type Json = Record<string, unknown>;

/** A folder's files, read whole, remembering which ones were there. */
class Folder {
  readonly dir: string;
  readonly read: string[] = [];

  constructor(dir: string) {
    this.dir = dir;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async text(name: string): Promise<string | undefined> {
    const file = this.path(name);
    const fail = (what: string, cause?: unknown) =>
      new ConchError('TOKENIZER_INVALID', `${name} ${what}`, { where: { file }, cause });
    let bytes: Buffer;
    try {
      const status = await stat(file);
      if (!status.isFile()) throw fail('is not a regular file');
      if (status.size > largestFile) throw fail(`holds ${status.size} bytes, more than any tokenizer`);
      bytes = await readFile(file);
    } catch (error) {
      if (error instanceof ConchError) throw error;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fail(`cannot be read: ${(error as Error).message}`, error);
    }
    this.read.push(file);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      throw fail('is not UTF-8 text', error);
    }
  }

  async json(name: string): Promise<Json | undefined> {
    const text = await this.text(name);
    if (text === undefined) return undefined;
    const where = { file: this.path(name) };
    try {
      const value: unknown = JSON.parse(text);
      if (isRecord(value)) return value;
    } catch (error) {
      throw new ConchError('TOKENIZER_INVALID', `${name} is not JSON: ${(error as Error).message}`, {
        where,
        cause: error,
      });
    }
    throw new ConchError('TOKENIZER_INVALID', `${name} holds no JSON object`, { where });
  }
}
