import type { Ask, PythonCase } from './cases.ts';

/** An answer without what each server says in its own words. */
export interface Answer {
  readonly status: number;
  /** The JSON body, or those of a stream in order; of an error only which of `mentions` its text holds. */
  readonly said: unknown;
}

export type CaseAnswers = Readonly<Record<string, Answer>>;

/** Asks a server that has the case's models. */
export async function play({ asks }: PythonCase, url: string): Promise<CaseAnswers> {
  const answers: Record<string, Answer> = {};
  for (const ask of asks) answers[ask.send] = await answerTo(ask, url);
  return answers;
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
