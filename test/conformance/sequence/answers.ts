import type { Ask, SequenceCase, Step } from './cases.ts';

/** An output as both sides give it. */
export interface AnsweredTensor {
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string | boolean)[];
}

/** A request's answer: the HTTP status, and the outputs by name where it is 200. */
export interface Answer {
  readonly status: number;
  readonly outputs?: Readonly<Record<string, AnsweredTensor>>;
}

/** Somebody who runs requests: a real server, or the engine. */
export interface Asked {
  ask(request: Ask, one: SequenceCase): Promise<Answer>;
  wait(ms: number): Promise<void>;
  /** Counters at the end: successes, failures, inferences, executions. */
  statistics(): Promise<readonly number[]>;
}

export interface CaseAnswers {
  readonly answers: Readonly<Record<string, Answer>>;
  readonly statistics: readonly number[];
}

/** Plays a case's script. */
export async function play(one: SequenceCase, asked: Asked): Promise<CaseAnswers> {
  const answers: Record<string, Answer> = {};
  const open = new Map<string, Promise<void>>();
  const send = (request: Ask): Promise<void> =>
    asked.ask(request, one).then((answer) => {
      answers[request.send] = answer;
    });
  const run = async (step: Step): Promise<void> => {
    if ('waitMs' in step) await asked.wait(step.waitMs);
    else if ('collect' in step) await Promise.all(step.collect.map((name) => open.get(name)));
    else if ('together' in step) await Promise.all(step.together.map(send));
    else if (step.later) open.set(step.send, send(step));
    else await send(step);
  };
  for (const step of one.steps) await run(step);
  await Promise.all(open.values());
  return { answers, statistics: await asked.statistics() };
}
