import type { Ask, PythonCase } from './cases.ts';

/** An answer without what each server says in its own words. */
export interface Answer {
  readonly status: number;
  /** The JSON body, or those of a stream in order; of an error only which of `mentions` its text holds. */
  readonly said: unknown;
}

export type CaseAnswers = Readonly<Record<string, Answer | readonly string[]>>;

export interface Servers {
  readonly url: string;
  readonly metricsUrl: string;
}

/** Asks a server that has the case's models. */
export async function play({ asks, metrics }: PythonCase, { url, metricsUrl }: Servers): Promise<CaseAnswers> {
  const answers: Record<string, Answer | readonly string[]> = {};
  for (const ask of asks) answers[ask.send] = await answerTo(ask, url);
  if (metrics) answers.metrics = keptMetrics(await (await fetch(`${metricsUrl}/metrics`)).text());
  return answers;
}

/** The lines of the page that do not belong to the server itself; sorted, as the order of series is nobody's promise. */
function keptMetrics(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !/^(# (HELP|TYPE) )?nv_/.test(line))
    .sort();
}

async function answerTo({ path = 'models/m/infer', body, mentions = [] }: Ask, url: string): Promise<Answer> {
  const response = await fetch(`${url}/v2/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  const events = text.startsWith('data:') ? text.split('\n\n').filter(Boolean) : undefined;
  const parse = (json: string): unknown => withoutWords(JSON.parse(json), mentions);
  const said = events ? events.map((event) => parse(event.slice('data:'.length))) : text === '' ? null : parse(text);
  return { status: response.status, said };
}

function withoutWords(body: unknown, mentions: readonly string[]): unknown {
  const error = (body as { readonly error?: string } | null)?.error;
  return error === undefined ? body : { error: mentions.filter((part) => error.includes(part)) };
}
