import { firstOutput, infer, judge, numbers, post, type Sender, same } from './target.ts';

const add: Sender = async (target, random) => {
  const rows = 1 + Math.floor(random() * 8);
  const [a, b] = [numbers(4 * rows, random), numbers(4 * rows, random)];
  const { path, body } = infer(
    'add',
    [
      ['a', 'FP32', a],
      ['b', 'FP32', b],
    ],
    rows,
  );
  const expected = a.map((value, index) => value + b[index]!);
  return judge(await post(target, path, body), (answer) => same(firstOutput(answer), expected));
};

const rowSum: Sender = async (target, random) => {
  const ids = numbers(1 + Math.floor(random() * 64), random);
  const { path, body } = infer('row_sum', [['ids', 'INT64', ids]], 1);
  const expected = [ids.reduce((sum, value) => sum + value, 0)];
  return judge(await post(target, path, body), (answer) => same(firstOutput(answer), expected));
};

const flow: Sender = async (target, random) => {
  const x = numbers(4, random);
  const { path, body } = infer('flow', [['x', 'FP32', x]], 1);
  const expected = x.map((value) => 4 * value);
  return judge(await post(target, path, body), (answer) => same(firstOutput(answer), expected));
};

const negate: Sender = async (target, random) => {
  const x = numbers(4, random).map((value) => value + 1);
  const { path, body } = infer('negate', [['x', 'FP32', x]], 1);
  const expected = x.map((value) => -value);
  return judge(await post(target, path, body), (answer) => same(firstOutput(answer), expected));
};

/** A decoupled model over server-sent events. */
const repeat: Sender = async (target, random) => {
  const values = numbers(1 + Math.floor(random() * 10), random);
  const body = JSON.stringify({ IN: values, DELAY: values.map(() => 0), WAIT: 0 });
  const { status, text } = await post(target, '/v2/models/repeat/generate_stream', body);
  if (status !== 200) return judge({ status, text: text.replace(/^data: /, '').trim() }, () => false);
  const events = text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace(/^data: /, '')));
  const failed = events.find((event) => event.error);
  if (failed) return '500';
  const said = events.map((event) => event.OUT as number);
  if (same(said, values)) return 'ok';
  throw new Error(`wrong events: ${text.slice(0, 300)}`);
};

/** A client that goes away before it has its answer. */
const hangUp: Sender = async (target, random) => {
  const controller = new AbortController();
  const { path, body } = infer('row_sum', [['ids', 'INT64', numbers(32, random)]], 1);
  const answer = post(target, path, body, controller.signal);
  setImmediate(() => controller.abort());
  try {
    return judge(await answer, () => true);
  } catch (thrown) {
    if (controller.signal.aborted && !(thrown as Error).message.startsWith('no proper')) return 'gone';
    throw thrown;
  }
};

/** Requests that must be refused, each with its status. */
const wrong: Sender = async (target, random) => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['/v2/models/add/infer', '{"inputs":[', 500],
    ['/v2/models/add/infer', '{"inputs":[{"name":"a","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}', 400],
    ['/v2/models/none/infer', '{"inputs":[]}', 404],
    ['/v2/models/add/infer', `{"inputs":${'['.repeat(500)}`, 500],
    ['/v2/nothing', '{}', 404],
  ];
  const [path, body, expected] = cases[Math.floor(random() * cases.length)]!;
  const reply = await post(target, path, body);
  // While a model reloads its absence may be what is found wrong.
  if (reply.status === expected || reply.status === 404 || reply.status === 503) return 'ok';
  throw new Error(
    `${path} ${body.slice(0, 60)}: expected ${expected}, got ${reply.status} ${reply.text.slice(0, 200)}`,
  );
};

export const httpSenders = { add, row_sum: rowSum, flow, negate, repeat, 'hang up': hangUp, wrong };
