import { describe, expect, test } from 'vitest';
import { ConchError } from '../../../base/index.ts';
import type { ResponseEvent } from '../../../protocol/index.ts';
import type { Engine } from '../../engine.ts';
import { fp32 } from '../../testing/repository.ts';
import { numbers, PythonRepository, python } from './testing.ts';

const decoupled = `${numbers} model_transaction_policy { decoupled: true }`;
/** `lines` with `request`, `sender`, `x` (a number) and `give(value, final=0)` at hand. */
const model = (lines: string, kind = 'def', more = '') => `
import threading, asyncio, time
class TritonPythonModel:
${more}
    ${kind} execute(self, requests):
        for request in requests:
            x = int(pb_utils.get_input_tensor_by_name(request, "x").as_numpy()[0][0])
            sender = request.get_response_sender()
            def give(value, final=0, sender=sender):
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array([[value]], np.float32))]), flags=final)
            def done(sender=sender):
                sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
${lines
  .trim()
  .split('\n')
  .map((line) => `            ${line}`)
  .join('\n')}
        return None
`;

const text = ({ response, final }: ResponseEvent): string => {
  const said =
    response === undefined
      ? '-'
      : response instanceof ConchError
        ? response.message
        : String(response.outputs[0]!.data[0]);
  return final ? `${said}.` : said;
};

async function said(engine: Engine, x: number, signal?: AbortSignal, name = 'm'): Promise<string> {
  const events: ResponseEvent[] = [];
  const request = { model: name, inputs: [fp32('x', [1, 1], [x])], ...(signal && { signal }) };
  await engine.stream(request, (event) => events.push(event));
  return events.map(text).join(' ');
}

describe.runIf(python)('a decoupled Python model', { timeout: 30_000 }, () => {
  test('answers through the sender, any number of times, from execute or later from threads', async () => {
    const lines = `
def answer(count, give, done):
    for value in range(count):
        give(value)
    done()
if x >= 0:
    answer(x, give, done)
else:
    threading.Thread(target=answer, args=(-x, give, done)).start()`;
    const engine = await new PythonRepository().python('m', decoupled, model(lines)).open();
    expect(await said(engine, 3)).toBe('0 1 2 -.');
    expect(await said(engine, 0)).toBe('-.');
    expect(await said(engine, -2)).toBe('0 1 -.');
    expect(await Promise.all([said(engine, 1), said(engine, -3), said(engine, 2)])).toEqual([
      '0 -.',
      '0 1 2 -.',
      '0 1 -.',
    ]);
  });

  test('coroutines of several requests run at the same time', async () => {
    const lines = `
if x == 0:
    await self.gate.wait()
else:
    self.gate.set()
give(x, 1)`;
    const more = '    def initialize(self, args):\n        self.gate = asyncio.Event()';
    const engine = await new PythonRepository().python('m', decoupled, model(lines, 'async def', more)).open();
    const waiting = said(engine, 0);
    expect(await said(engine, 5)).toBe('5.');
    expect(await waiting).toBe('0.');
  });

  test('errors: as a response, as the last one, and raised', async () => {
    const lines = `
error = pb_utils.InferenceResponse(error=pb_utils.TritonError("broken"))
if x == 1:
    sender.send(error)
    give(7, 1)
elif x == 2:
    sender.send(error, 1)
elif x == 3:
    give(1)
    raise ValueError("raised")
else:
    give(4, 1)
    try:
        give(5)
    except pb_utils.TritonModelException as error:
        pb_utils.Logger.log_info(str(error))`;
    const repository = new PythonRepository()
      .python('m', decoupled, model(lines))
      .python('c', decoupled, model(lines, 'async def'));
    const engine = await repository.open();
    for (const name of ['m', 'c']) {
      expect(await said(engine, 1, undefined, name)).toBe('broken 7.');
      expect(await said(engine, 2, undefined, name)).toBe('broken.');
      expect(await said(engine, 3, undefined, name)).toMatch(/^1 .*ValueError: raised\n[\s\S]*\.$/);
      expect(await said(engine, 4, undefined, name)).toBe('4.');
    }
  });

  test('a returned list, and a request that nobody answers, are errors', async () => {
    const repository = new PythonRepository()
      .python('list', decoupled, 'class TritonPythonModel:\n    def execute(self, requests):\n        return []\n')
      .python('silent', decoupled, 'class TritonPythonModel:\n    def execute(self, requests):\n        pass\n');
    const engine = await repository.open();
    expect(await said(engine, 1, undefined, 'list')).toContain('execute of a decoupled model returns None');
    expect(await said(engine, 1, undefined, 'silent')).toContain('execute gave no response to the request');
  });

  test('hears that a request was cancelled', async () => {
    const lines = `
give(1)
while not (request.is_cancelled() and sender.is_cancelled()):
    time.sleep(0.001)
sender.send(pb_utils.InferenceResponse(error=pb_utils.TritonError("gone", pb_utils.TritonError.CANCELLED)), 1)`;
    const engine = await new PythonRepository().python('m', decoupled, model(lines)).open();
    const client = new AbortController();
    const events: string[] = [];
    await engine.stream({ model: 'm', inputs: [fp32('x', [1, 1], [1])], signal: client.signal }, (event) => {
      events.push(text(event));
      client.abort();
    });
    expect(events).toEqual(['1', 'gone.']);
  });

  test('a process that dies fails what it had not finished', async () => {
    const lines = 'import os\ngive(1)\nif x == 1: threading.Timer(0.05, os._exit, [4]).start()\nelse: done()';
    const engine = await new PythonRepository().python('m', decoupled, model(lines)).open();
    expect(await said(engine, 1)).toMatch(/^1 instance 'm_0': its Python process ended \(exit code 4\)\.$/);
    expect(await said(engine, 2)).toBe('1 -.');
  });

  test('any other model may use the sender too, for exactly one response', async () => {
    const lines = `
if x == 1:
    threading.Timer(0.01, give, [8, 1]).start()
else:
    give(9)
    try:
        give(10)
    except pb_utils.TritonModelException:
        done()`;
    const engine = await new PythonRepository().python('m', numbers, model(lines)).open();
    for (const [x, y] of [
      [1, 8],
      [2, 9],
    ]) {
      const response = await engine.infer({ model: 'm', inputs: [fp32('x', [1, 1], [x!])] });
      expect(response.outputs[0]!.data[0]).toBe(y);
    }
  });

  test('an iterative sequence: the model gives its request back until it is done', async () => {
    const lines = `
self.left = getattr(self, "left", None) or x
self.left -= 1
give(self.left, int(self.left == 0))
if self.left > 0:
    request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)`;
    const config = `${decoupled} sequence_batching { iterative_sequence: true }`;
    const engine = await new PythonRepository().python('m', config, model(lines)).open();
    expect(await said(engine, 3)).toBe('2 1 0.');
  });
});
