import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { ConchError } from '../base/index.ts';
import { isCheckpointDeployment, type LoadedDeployment } from '../compile/index.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';

const shown = 8;
const fallbackTexts = [
  'Operating profit rose to EUR 13.1 mn from EUR 8.7 mn a year earlier.',
  'The company issued a profit warning after orders collapsed.',
  'The annual general meeting will be held on 24 April in Helsinki.',
];

interface Classified {
  readonly label: string;
  readonly scores: Readonly<Record<string, number>> | readonly number[];
}

/** Sends a few inputs of every deployed model through the proxy and prints what comes back. */
export async function showSamples(
  loaded: LoadedDeployment,
  proxyUrl: string,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  if (output.json) return;
  const { bold, dim, green, red } = output.colors;
  const paint = (label: string) => (label === 'positive' ? green(label) : label === 'negative' ? red(label) : label);
  for (const [name, model] of Object.entries(loaded.deployment.models)) {
    const route = `${proxyUrl}/models/${name}`;
    const lines = await readSamples(loaded, name);
    output.print(`\n${bold(name)} ${dim(`POST ${route}`)}`);
    if (isCheckpointDeployment(model)) {
      const texts = lines.map((line) => line.text).filter((text) => typeof text === 'string');
      const text = texts.length > 0 ? (texts as string[]) : fallbackTexts;
      const answer = await post<(Classified | Record<string, unknown>)[]>(route, { text }, signal);
      if (answer.every(isClassified)) {
        const rows = answer.map((one, index) => [text[index]!, paint(one.label), topScore(one).toFixed(3)]);
        output.print(table(['text', 'label', 'score'], rows, [2]));
      } else for (const [at, one] of answer.entries()) output.print(`  ${text[at]} ${dim('->')} ${brief(one)}`);
    } else {
      const inputs = lines.map((line) => line.inputs).filter((value) => value !== undefined);
      for (const body of inputs.slice(0, 2)) {
        const row = firstRow(body as Record<string, unknown>);
        output.print(`  ${JSON.stringify(row)} ${dim('->')} ${JSON.stringify(await post(route, row, signal))}`);
      }
      if (inputs.length > 0) continue;
      const row = await zeros(route, signal);
      // Zeros may be nothing that the model takes, which is no fault of it.
      const answer = await post(route, row, signal).catch((error: unknown) => {
        if (error instanceof ConchError) return error.message;
        throw error;
      });
      output.print(`  ${brief(row)} ${dim('->')} ${typeof answer === 'string' ? answer : brief(answer)}`);
    }
  }
}

/** A command that a reader can paste. */
export async function sampleRequest(loaded: LoadedDeployment, proxyUrl: string, signal: AbortSignal): Promise<string> {
  const models = Object.entries(loaded.deployment.models);
  const [name, model] = models.find(([, one]) => isCheckpointDeployment(one)) ?? models[0]!;
  const sample = isCheckpointDeployment(model) ? undefined : (await readSamples(loaded, name))[0]?.inputs;
  const body = isCheckpointDeployment(model)
    ? { text: 'Quarterly sales beat expectations.' }
    : sample === undefined
      ? await zeros(`${proxyUrl}/models/${name}`, signal)
      : firstRow(sample as Record<string, unknown>);
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl -s ${proxyUrl}/models/${name} -H 'content-type: application/json' -d '${json}'`;
}

function isClassified(one: Classified | Record<string, unknown>): one is Classified {
  return typeof one.label === 'string' && one.scores !== undefined;
}

/** One item for every input, of zeros and empty texts; 1 where a dimension varies. */
async function zeros(route: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(route, { signal });
  if (!response.ok) throw new ConchError('SERVER_ERROR', `${route} answered ${response.status}`);
  const { inputs } = (await response.json()) as { inputs: { name: string; datatype: string; dims: number[] }[] };
  const filled = ([size, ...rest]: number[], zero: unknown): unknown =>
    size === undefined ? zero : Array.from({ length: Math.max(1, size) }, () => filled(rest, zero));
  const zero = (datatype: string) => (datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0);
  return Object.fromEntries(inputs.map(({ name, datatype, dims }) => [name, filled(dims, zero(datatype))]));
}

const most = 4;

/** JSON in a line: of longer lists the first few, and how many there are; numbers to four digits. */
function brief(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  if (Array.isArray(value)) {
    const rest = value.length > most ? [`... ${value.length} in all`] : [];
    return `[${[...value.slice(0, most).map(brief), ...rest].join(', ')}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}: ${brief(one)}`)
    .join(', ')}}`;
}

function topScore(one: Classified): number {
  return Math.max(...(Object.values(one.scores) as number[]));
}

/** The first of a batch: `{ x: [[1, 2]] }` as `{ x: [1, 2] }`. */
function firstRow(inputs: Record<string, unknown>): Record<string, unknown> {
  const first = (value: unknown) => (Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value);
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, first(value)]));
}

/** A few lines of the model's reference file, evenly spread over it. */
async function readSamples(loaded: LoadedDeployment, name: string): Promise<Record<string, unknown>[]> {
  const expect = loaded.deployment.models[name]?.expect;
  if (expect === undefined) return [];
  const lines: string[] = [];
  const input = createReadStream(resolve(loaded.baseDir, expect), 'utf8');
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== '') lines.push(line);
  }
  const step = Math.max(1, Math.floor(lines.length / shown));
  const chosen = lines.filter((_, index) => index % step === 0).slice(0, shown);
  return chosen.map((line) => JSON.parse(line));
}

async function post<T>(url: string, body: unknown, signal: AbortSignal): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  const text = await response.text();
  if (!response.ok) throw new ConchError('SERVER_ERROR', `${url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
