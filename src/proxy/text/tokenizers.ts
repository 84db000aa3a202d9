import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError, type Logger, toConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import { stringTensor } from '../../tensor/index.ts';
import { readTokenizer, type TextTokenizer } from '../../text/index.ts';
import type { TextPipeline } from './pipeline.ts';

export interface TokenizerSources {
  /** A model repository as the server has it: the tokenizers of its models are read from there. */
  readonly repository?: string | undefined;
  /** Folders with tokenizer.json, by the name of the tokenizer's model. */
  readonly tokenizers?: Readonly<Record<string, string>> | undefined;
}

interface Kept {
  readonly stamp: string;
  readonly tokenizer: TextTokenizer;
}

/**
 * The tokenizers that the proxy runs itself. The protocol has no way to ask a server for files, so they are read from
 * a folder, and believed only when they give the ids that the server's own tokenizer gives for a few texts that most
 * differences show on: an outdated folder must not give wrong answers.
 */
export class Tokenizers {
  readonly #sources: TokenizerSources;
  readonly #client: InferenceClient;
  readonly #logger: Logger;
  readonly #kept = new Map<string, Kept>();

  constructor(sources: TokenizerSources, client: InferenceClient, logger: Logger) {
    this.#sources = sources;
    this.#client = client;
    this.#logger = logger;
  }

  /** The tokenizer of a pipeline; undefined, with a warning, where there is none that can be used. */
  async open(pipeline: TextPipeline, version: string, signal: AbortSignal): Promise<TextTokenizer | undefined> {
    const { tokenizer: name, maxLength } = pipeline;
    const dir = this.#folderOf(name, version);
    if (dir === undefined) return undefined;
    try {
      const { mtimeMs, size } = await stat(join(dir, 'tokenizer.json'));
      const stamp = [dir, mtimeMs, size, maxLength].join('\n');
      const kept = this.#kept.get(name);
      const tokenizer =
        kept?.stamp === stamp ? kept.tokenizer : await readTokenizer(dir, maxLength === undefined ? {} : { maxLength });
      await this.#compare(name, tokenizer, pipeline, signal);
      this.#kept.set(name, { stamp, tokenizer });
      return tokenizer;
    } catch (thrown) {
      const error = toConchError(thrown);
      if (error.code === 'SERVER_UNREACHABLE' || error.code === 'REQUEST_CANCELLED') throw error;
      this.#logger.warn({ model: name, code: error.code }, `'${name}' stays with the server: ${error.message}`);
      return undefined;
    }
  }

  #folderOf(name: string, version: string): string | undefined {
    const { repository, tokenizers = {} } = this.#sources;
    if (Object.hasOwn(tokenizers, name)) return tokenizers[name];
    return repository === undefined ? undefined : join(repository, name, version);
  }

  /** @throws TOKENIZER_INVALID when the server's tokenizer gives other ids. */
  async #compare(
    model: string,
    tokenizer: TextTokenizer,
    { maxLength, tokenizerInput }: TextPipeline,
    signal: AbortSignal,
  ) {
    const long = 'profit rose, '.repeat(maxLength ?? tokenizer.maxLength);
    for (const text of [...sampleTexts, long]) {
      const response = await this.#client.infer({
        model,
        inputs: [stringTensor(tokenizerInput, [1, 1], [text])],
        outputs: [{ name: 'input_ids' }],
        signal,
      });
      const ids = [...((response.outputs[0]?.data ?? []) as BigInt64Array)].map(Number);
      const own = tokenizer.encode(text).ids;
      if (ids.length === own.length && own.every((id, at) => id === ids[at])) continue;
      throw new ConchError(
        'TOKENIZER_INVALID',
        `its tokenizer.json gives other tokens than the server for ${JSON.stringify(text.slice(0, 40))}`,
        { fix: 'name the folder that the server has its models from' },
      );
    }
  }
}

const sampleTexts = [
  'The company’s profit ROSE by 12.5% (naïve café) in Q3-2024, said [MASK] e-mail@example.com.',
  '東京 株式 Großhandel, ÅNGSTRÖM; ﬁnance\u00a0\t…',
  '',
];
