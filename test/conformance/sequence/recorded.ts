import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Answer, CaseAnswers } from './answers.ts';

const recorded = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as Record<
  string,
  CaseAnswers
>;

/** Where the release that was asked (core 2.51) is known to have been wrong; newer ones refuse, as the engine does. */
const corrected: Record<string, Record<string, Answer>> = {
  // It hands the bytes of the text over as if they were a number.
  'an id of another kind than CORRID': { text: { status: 400 } },
};

/** Compares what a case came to with what the real Triton said. */
export function expectRecorded(name: string, { answers, statistics }: CaseAnswers): void {
  const asked = recorded[name]!;
  const [, changes] = Object.entries(corrected).find(([start]) => name.startsWith(start)) ?? [];
  expect(answers).toEqual({ ...asked.answers, ...changes });
  if (!changes) expect(statistics).toEqual(asked.statistics);
}
