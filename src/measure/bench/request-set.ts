import { ConchError } from '../../base/index.ts';
import { elementCount, stringTensor, type Tensor } from '../../tensor/index.ts';
import { readLines } from '../validate/lines.ts';
import type { Declared } from '../validate/nested.ts';
import type { Subject } from '../validate/subject.ts';
import { defaultLengths, drawLengths, type LengthDistribution } from './lengths.ts';
import { seededTensor } from './seeded-tensor.ts';
import { madeTexts, readTexts } from './texts.ts';

/** What is sent: a set of distinct requests that the load goes through again and again. */
export interface RequestSet {
  readonly inputs: readonly (readonly Tensor[])[];
  /** Rows (inferences) of a request, in the mean where they differ. */
  readonly rows: number;
  /** Whether each row is a text, or the tokens of one. */
  readonly texts: boolean;
  /** Tokens of each request, padding included, where they are known. */
  readonly tokens: readonly number[] | undefined;
  /** How they were made, in a few words for the report. */
  readonly description: string;
}

export interface RequestOptions {
  /** Rows of each request; 1 unless given. */
  readonly batchSize?: number;
  /** Distinct requests; 256 unless given. */
  readonly count?: number;
  readonly seed?: number;
  /** Texts of one's own: lines, or `text` of JSON lines. */
  readonly texts?: string;
  /** Of made texts in words, of token tensors in tokens. */
  readonly lengths?: LengthDistribution;
  /** Dims by input, without the batch dimension, where the config has -1. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** JSON lines of `{"inputs": {...}}` or `{"text": ...}`. */
  readonly data?: string;
  /** Tokens of a text, where its tokenizer is at hand. */
  readonly countTokens?: (text: string) => number;
}

/**
 * Prepares requests for a model as its configuration describes it. Throws USAGE where a shape must be given or does not
 * fit, and what the files' reading throws.
 */
export async function prepareRequests(subject: Subject, options: RequestOptions): Promise<RequestSet> {
  const { batchSize = 1, seed = 1 } = options;
  if (batchSize > 1 && !subject.batched) {
    throw new ConchError('USAGE', `batch size: model '${subject.model}' does not batch (max_batch_size is 0)`);
  }
  if (options.data !== undefined) return fromData(subject, options.data, options);
  const count = options.count ?? 256;
  const textInput = textInputOf(subject);
  if (textInput && !options.shapes?.[textInput.name]) return textRequests(subject, textInput, count, seed, options);
  if (options.texts !== undefined) {
    throw new ConchError('USAGE', `--texts: model '${subject.model}' takes ${list(subject.inputs)}, not one text`, {
      fix: 'bench the ensemble that takes text, or give --data with {"inputs": {...}} lines',
    });
  }
  return tensorRequests(subject, count, seed, options);
}

/** The only required input, where it takes one text a row. */
function textInputOf(subject: Subject): Declared | undefined {
  const required = subject.inputs.filter(({ name }) => !subject.isOptional(name));
  const [input] = required;
  if (required.length !== 1 || input!.datatype !== 'BYTES') return undefined;
  return input!.dims.every((dim) => Math.abs(dim) === 1) ? input : undefined;
}

async function textRequests(
  subject: Subject,
  input: Declared,
  count: number,
  seed: number,
  options: RequestOptions,
): Promise<RequestSet> {
  const { batchSize = 1, lengths = defaultLengths, countTokens } = options;
  const texts = options.texts
    ? await readTexts(options.texts, count * batchSize)
    : madeTexts(lengths, count * batchSize, seed);
  const shape = [...(subject.batched ? [batchSize] : []), ...input.dims.map(Math.abs)];
  const rows = Array.from({ length: count }, (_, index) =>
    Array.from({ length: batchSize }, (_, row) => texts[(index * batchSize + row) % texts.length]!),
  );
  const from = options.texts
    ? `${texts.length} texts of ${options.texts}`
    : `made texts, ${describeLengths(lengths, 'words')}`;
  return {
    inputs: rows.map((row) => [stringTensor(input.name, shape, row)]),
    rows: batchSize,
    texts: true,
    tokens: countTokens && rows.map((row) => row.reduce((sum, text) => sum + countTokens(text), 0)),
    description: from,
  };
}

function tensorRequests(subject: Subject, count: number, seed: number, options: RequestOptions): RequestSet {
  const { batchSize = 1, lengths = defaultLengths, shapes = {} } = options;
  for (const name of Object.keys(shapes)) {
    if (subject.inputs.some((input) => input.name === name)) continue;
    throw new ConchError(
      'USAGE',
      `--shape: model '${subject.model}' has no input '${name}'; it has ${list(subject.inputs)}`,
    );
  }
  const required = subject.inputs.filter(({ name }) => !subject.isOptional(name) || shapes[name]);
  const tokenInput = required.find(({ name, datatype }) => /(^|_)ids$/.test(name) && datatype.startsWith('INT'));
  const varies = tokenInput?.dims.includes(-1) && !shapes[tokenInput.name];
  const drawn = varies ? drawLengths(lengths, count, seed) : undefined;
  const inputs = Array.from({ length: count }, (_, index) =>
    required.map((input, place) => {
      const dims = shapes[input.name] ? fitting(input, shapes[input.name]!) : resolved(input, drawn?.[index]);
      const shape = [...(subject.batched ? [batchSize] : []), ...dims];
      return seededTensor(input.name, input.datatype, shape, seed + index * 131 + place);
    }),
  );
  const tokensAt = tokenInput ? required.indexOf(tokenInput) : -1;
  const tokens = tokensAt < 0 ? undefined : inputs.map((one) => elementCount(one[tokensAt]!.shape));
  const shown = inputs[0]!.map(({ name, shape }, place) => {
    const variable = drawn && required[place]!.dims.includes(-1);
    return variable ? `${name} [${[...shape.slice(0, -1), 'tokens']}]` : `${name} [${shape}]`;
  });
  return {
    inputs,
    rows: batchSize,
    texts: tokensAt >= 0,
    tokens,
    description: `seeded tensors ${shown.join(', ')}${drawn ? `, ${describeLengths(lengths, 'tokens')}` : ''}`,
  };
}

/** The configured dims, with the drawn length where they vary. */
function resolved(input: Declared, length: number | undefined): number[] {
  const variable = input.dims.filter((dim) => dim === -1).length;
  if (variable === 0) return [...input.dims];
  if (length !== undefined && variable === 1) return input.dims.map((dim) => (dim === -1 ? length : dim));
  throw new ConchError('USAGE', `input '${input.name}' has variable dims [${input.dims}]`, {
    fix: `give them: --shape ${input.name}:${input.dims.map((dim) => (dim === -1 ? 8 : dim)).join(',')}`,
  });
}

function fitting(input: Declared, dims: readonly number[]): number[] {
  const fits = dims.length === input.dims.length && input.dims.every((dim, at) => dim === -1 || dim === dims[at]);
  if (fits) return [...dims];
  throw new ConchError('USAGE', `--shape ${input.name}:${dims}: the model takes [${input.dims}], without the batch`);
}

async function fromData(subject: Subject, file: string, options: RequestOptions): Promise<RequestSet> {
  const { countTokens } = options;
  const inputs: Tensor[][] = [];
  const texts: string[] = [];
  let rows = 0;
  for await (const { text, number } of readLines(file)) {
    const where = { file, line: number };
    const line = subject.parseInputs(text, where);
    if (typeof line.text === 'string') texts.push(line.text);
    rows += subject.batched ? (line.inputs[0]?.shape[0] ?? 1) : 1;
    inputs.push(line.inputs);
    if (inputs.length === 100_000) break;
  }
  if (inputs.length === 0) throw new ConchError('FILE_INVALID', `${file} has no lines`, { where: { file } });
  const known = countTokens && texts.length === inputs.length;
  return {
    inputs,
    rows: rows / inputs.length,
    texts: texts.length === inputs.length,
    tokens: known ? texts.map(countTokens) : undefined,
    description: `${inputs.length} requests of ${file}`,
  };
}

function describeLengths({ kind, values }: LengthDistribution, unit: string): string {
  const [first, second] = values;
  if (kind === 'fixed') return `${first} ${unit}`;
  if (kind === 'uniform') return `${first} to ${second} ${unit}`;
  return `${kind === 'normal' ? `${first} ± ${second}` : `log-normal about ${first}`} ${unit}`;
}

function list(tensors: readonly Declared[]): string {
  return tensors.map(({ name, datatype, dims }) => `${name} ${datatype} [${dims}]`).join(', ');
}
