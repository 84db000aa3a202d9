import { firstRaw, message } from './grpc-traffic.ts';
import { firstOutput, infer, judge, judgeCode, numbers, type Outcome, post, type Sender, same } from './target.ts';

let lastId = 0;

interface Flags {
  readonly id: number;
  readonly start: boolean;
  readonly end: boolean;
}

/**
 * A sequence of some requests, whose model adds up what it is given. Every answer must be the sum so far: a model that is
 * reloaded may refuse to go on, and never may go on with another's sum, or without one.
 */
const sequence =
  (send: (...[target, x, flags, expected]: SendArguments) => Promise<Outcome>): Sender =>
  async (target, random) => {
    lastId += 1;
    const id = lastId;
    const length = 1 + Math.floor(random() * 6);
    let total = [0, 0, 0, 0];
    for (let index = 0; index < length; index += 1) {
      const x = numbers(4, random);
      total = total.map((value, place) => value + x[place]!);
      const flags = { id, start: index === 0, end: index === length - 1 };
      const outcome = await send(target, x, flags, total);
      if (outcome !== 'ok') return outcome;
    }
    return 'ok';
  };

type SendArguments = [target: Parameters<Sender>[0], x: readonly number[], flags: Flags, expected: readonly number[]];

const overHttp = (model: string) =>
  sequence(async (target, x, { id, start, end }, expected) => {
    const parameters = { sequence_id: id, sequence_start: start, sequence_end: end };
    const { path, body } = infer(model, [['a', 'FP32', x]], 1, parameters);
    return judge(await post(target, path, body), (answer) => same(firstOutput(answer), expected));
  });

const overGrpc = (model: string) =>
  sequence(async ({ grpc }, x, { id, start, end }, expected) => {
    const parameters = {
      sequence_id: { int64_param: id },
      sequence_start: { bool_param: start },
      sequence_end: { bool_param: end },
    };
    const outcome = await grpc.call('ModelInfer', message(model, [['a', 'FP32', x]], 1, { parameters }));
    if (outcome.code !== 0) return judgeCode(outcome);
    const sum = firstRaw(outcome.messages[0]!);
    if (same(sum, expected)) return 'ok';
    throw new Error(`sequence ${id} at ${sum} instead of ${expected}`);
  });

export const sequenceSenders = { direct: overHttp('total_direct'), oldest: overGrpc('total_oldest') };
