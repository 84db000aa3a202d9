import { type Agent, request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** What may be said instead of an answer while models reload and their processes die, by HTTP status. */
const properErrors = new Set([400, 404, 429, 499, 500, 503]);

/** What one request came to: `ok`, a proper error's status, or `gone` when the client itself hung up. */
export type Outcome = 'ok' | 'gone' | `${number}`;

/** One kind of request: sends it, checks the answer to the last digit, and throws when that is wrong. */
export type Sender = (agent: Agent, port: number, random: () => number) => Promise<Outcome>;

export function post(agent: Agent, port: number, path: string, body: string, signal?: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent, port, host: '127.0.0.1', path, method: 'POST', ...(signal && { signal }) },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.setHeader('Content-Type', 'application/json');
    sent.end(body);
  });
}

/** `ok` when `check` finds the answer right; a proper error counts as its status; everything else throws. */
function judge({ status, text }: Reply, check: (body: Record<string, never>) => boolean): Outcome {
  const body = JSON.parse(text);
  if (status === 200) {
    if (check(body)) return 'ok';
    throw new Error(`wrong answer: ${text.slice(0, 300)}`);
  }
  if (properErrors.has(status) && typeof body.error === 'string' && body.error.length > 0) return `${status}`;
  throw new Error(`no proper error: ${status} ${text.slice(0, 300)}`);
}

const firstOutput = (body: { outputs?: { data: number[] }[] }): number[] => body.outputs?.[0]?.data ?? [];
const same = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((value, index) => value === right[index]);
/** Small whole numbers, so that sums in FP32 are exact. */
const numbers = (count: number, random: () => number): number[] =>
  Array.from({ length: count }, () => Math.floor(random() * 1000));

function infer(model: string, inputs: readonly [name: string, type: string, data: readonly number[]][], rows: number) {
  const described = inputs.map(([name, datatype, data]) => ({
    name,
    datatype,
    shape: [rows, data.length / rows],
    data,
  }));
  return { path: `/v2/models/${model}/infer`, body: JSON.stringify({ id: `${rows}`, inputs: described }) };
}

const add: Sender = async (agent, port, random) => {
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
  return judge(await post(agent, port, path, body), (answer) => same(firstOutput(answer), expected));
};

const rowSum: Sender = async (agent, port, random) => {
  const ids = numbers(1 + Math.floor(random() * 64), random);
  const { path, body } = infer('row_sum', [['ids', 'INT64', ids]], 1);
  const expected = [ids.reduce((sum, value) => sum + value, 0)];
  return judge(await post(agent, port, path, body), (answer) => same(firstOutput(answer), expected));
};

const flow: Sender = async (agent, port, random) => {
  const x = numbers(4, random);
  const { path, body } = infer('flow', [['x', 'FP32', x]], 1);
  const expected = x.map((value) => 4 * value);
  return judge(await post(agent, port, path, body), (answer) => same(firstOutput(answer), expected));
};

const negate: Sender = async (agent, port, random) => {
  const x = numbers(4, random).map((value) => value + 1);
  const { path, body } = infer('negate', [['x', 'FP32', x]], 1);
  const expected = x.map((value) => -value);
  return judge(await post(agent, port, path, body), (answer) => same(firstOutput(answer), expected));
};

/** A decoupled model over server-sent events. */
const repeat: Sender = async (agent, port, random) => {
  const values = numbers(1 + Math.floor(random() * 10), random);
  const body = JSON.stringify({ IN: values, DELAY: values.map(() => 0), WAIT: 0 });
  const { status, text } = await post(agent, port, '/v2/models/repeat/generate_stream', body);
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
const hangUp: Sender = async (agent, port, random) => {
  const controller = new AbortController();
  const { path, body } = infer('row_sum', [['ids', 'INT64', numbers(32, random)]], 1);
  const answer = post(agent, port, path, body, controller.signal);
  setImmediate(() => controller.abort());
  try {
    return judge(await answer, () => true);
  } catch (thrown) {
    if (controller.signal.aborted && !(thrown as Error).message.startsWith('no proper')) return 'gone';
    throw thrown;
  }
};

/** Requests that must be refused, each with its status. */
const wrong: Sender = async (agent, port, random) => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['/v2/models/add/infer', '{"inputs":[', 500],
    ['/v2/models/add/infer', '{"inputs":[{"name":"a","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}', 400],
    ['/v2/models/none/infer', '{"inputs":[]}', 404],
    ['/v2/models/add/infer', `{"inputs":${'['.repeat(500)}`, 500],
    ['/v2/nothing', '{}', 404],
  ];
  const [path, body, expected] = cases[Math.floor(random() * cases.length)]!;
  const reply = await post(agent, port, path, body);
  // While a model reloads its absence may be what is found wrong.
  if (reply.status === expected || reply.status === 404 || reply.status === 503) return 'ok';
  throw new Error(
    `${path} ${body.slice(0, 60)}: expected ${expected}, got ${reply.status} ${reply.text.slice(0, 200)}`,
  );
};

export const senders: Readonly<Record<string, { readonly send: Sender; readonly share: number }>> = {
  add: { send: add, share: 6 },
  row_sum: { send: rowSum, share: 4 },
  flow: { send: flow, share: 3 },
  negate: { send: negate, share: 3 },
  repeat: { send: repeat, share: 2 },
  'hang up': { send: hangUp, share: 1 },
  wrong: { send: wrong, share: 1 },
};
