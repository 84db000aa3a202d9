import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import type { ResponseEvent } from '../protocol/index.ts';
import type { BackendEvent, BatchRequest } from './backend.ts';
import type { Engine } from './engine.ts';
import { ask, chain, probe, reasonOf } from './testing/models.ts';
import { deferred, ProbeBackend } from './testing/probe.ts';
import { fp32, TemporaryRepository } from './testing/repository.ts';

const decoupled = 'model_transaction_policy { decoupled: true }';

/** An answer of one number, under the name that the request wants. */
const answer = ({ outputs }: BatchRequest, value: number): BackendEvent => ({
  response: { outputs: outputs.map((name) => fp32(name, [1, 1], [value])) },
  final: false,
});
const done: BackendEvent = { response: undefined, final: true };
const numberOf = ({ inputs }: BatchRequest): number => Number(inputs[0]!.data[0]);

/** Answers x with x numbers, from x on upwards, then says that it is done. */
const counting = () =>
  new ProbeBackend({
    respond: (request, emit) => {
      const from = numberOf(request);
      for (let index = 0; index < from; index++) emit(answer(request, from + index));
      emit(done);
      return undefined;
    },
  });
/** Multiplies by 10. */
const tenfold = () =>
  new ProbeBackend({
    answer: (request) => request.outputs.map((name) => fp32(name, [1, 1], [numberOf(request) * 10])),
  });

/** What a stream said: numbers, error texts, `-` for the empty event, with `.` after the final one. */
async function said(engine: Engine, model: string, x: number): Promise<string> {
  const events: ResponseEvent[] = [];
  await engine.stream({ model, id: 'r', inputs: [fp32('x', [1, 1], [x])] }, (event) => events.push(event));
  return events
    .map(({ response, final }) => {
      const text =
        response === undefined
          ? '-'
          : response instanceof ConchError
            ? response.message
            : String(response.outputs[0]!.data[0]);
      return final ? `${text}.` : text;
    })
    .join(' ');
}

describe('a decoupled model', () => {
  test('gives any number of responses, under the names of the request', async () => {
    const repository = new TemporaryRepository().bare('m', probe(decoupled));
    const engine = await repository.open({ backends: { probe: counting() } });
    expect(engine.isDecoupled('m')).toBe(true);
    expect(await said(engine, 'm', 3)).toBe('3 4 5 -.');
    expect(await said(engine, 'm', 0)).toBe('-.');
    const events: ResponseEvent[] = [];
    await engine.stream({ model: 'm', id: 'r', inputs: [fp32('x', [1, 1], [1])] }, (event) => events.push(event));
    expect(events[0]!.response).toMatchObject({ model: 'm', version: '1', id: 'r', outputs: [{ name: 'y' }] });
    const [statistics] = engine.statistics('m');
    expect(statistics).toMatchObject({
      inference_count: 3,
      execution_count: 3,
      inference_stats: { success: { count: 3 } },
    });
    expect(
      Object.entries(statistics!.response_stats ?? {}).map(([at, one]) => [
        at,
        one.success.count,
        one.empty_response.count,
      ]),
    ).toEqual([
      ['0', 2, 1],
      ['1', 1, 1],
      ['2', 1, 0],
      ['3', 0, 1],
    ]);
  });

  test('a call for a single response is refused', async () => {
    const engine = await new TemporaryRepository()
      .bare('m', probe(decoupled))
      .open({ backends: { probe: counting() } });
    await expect(ask(engine, 'm')).rejects.toMatchObject({ code: 'NOT_SUPPORTED', status: 'UNSUPPORTED' });
  });

  test('goes on answering after its batch is done, and holds its version until then', async () => {
    const more = deferred();
    const backend = new ProbeBackend({
      respond: (request, emit) => {
        if (numberOf(request) === 0) {
          emit(done);
          return undefined;
        }
        emit(answer(request, 1));
        void more.promise.then(() => {
          emit({ ...answer(request, 2), final: true });
          emit(answer(request, 3));
        });
        return undefined;
      },
    });
    const engine = await new TemporaryRepository().bare('m', probe(decoupled)).open({ backends: { probe: backend } });
    const first = said(engine, 'm', 1);
    const second = said(engine, 'm', 1);
    await engine.unload('m');
    expect(backend.instances[0]!.closed).toBe(false);
    more.resolve();
    expect(await Promise.all([first, second])).toEqual(['1 2.', '1 2.']);
  });

  test('errors: one of several responses, the last, and of the whole batch', async () => {
    const broken = new ConchError('EXECUTION_FAILED', 'broken');
    const backend = new ProbeBackend({
      respond: (request, emit) => {
        const kind = numberOf(request);
        if (kind === 3) throw broken;
        if (kind === 0) emit(done);
        emit({ response: broken, final: kind === 2 });
        if (kind === 1) emit({ ...answer(request, 7), final: true });
        return undefined;
      },
    });
    const engine = await new TemporaryRepository().bare('m', probe(decoupled)).open({ backends: { probe: backend } });
    expect(await said(engine, 'm', 1)).toBe('broken 7.');
    expect(await said(engine, 'm', 2)).toBe('broken.');
    expect(await said(engine, 'm', 3)).toBe('broken.');
    expect(engine.statistics('m')[0]!.inference_stats).toMatchObject({ success: { count: 1 }, fail: { count: 2 } });
  });

  test('an instance that dies fails what it had not finished, also of batches that were done', async () => {
    const backend = new ProbeBackend({
      respond: (request, emit) => {
        emit(numberOf(request) === 0 ? done : answer(request, 1));
        return undefined;
      },
    });
    const engine = await new TemporaryRepository().bare('m', probe(decoupled)).open({ backends: { probe: backend } });
    const events: ResponseEvent[] = [];
    const first = deferred();
    const running = engine.stream({ model: 'm', inputs: [fp32('x', [1, 1], [1])] }, (event) => {
      events.push(event);
      first.resolve();
    });
    await first.promise;
    backend.instances[0]!.lose(new ConchError('EXECUTION_FAILED', 'it crashed'));
    await running;
    expect(events.at(-1)).toMatchObject({ response: { message: 'it crashed' }, final: true });
  });

  test('what does not fit the model is refused, not answered', async () => {
    const engine = await new TemporaryRepository()
      .bare('m', probe(decoupled))
      .open({ backends: { probe: counting() } });
    const events: ResponseEvent[] = [];
    const refused = engine.stream({ model: 'm', inputs: [] }, (event) => events.push(event));
    await expect(refused).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(events).toEqual([]);
  });

  test('answers keep the order of the requests where the config says so', async () => {
    const emits: ((event: BackendEvent) => void)[] = [];
    const requests: BatchRequest[] = [];
    const backend = new ProbeBackend({
      facts: { instances: 2 },
      respond: (request, emit) => {
        // The warm-up's zeros.
        if (numberOf(request) === 0) emit(done);
        else {
          requests.push(request);
          emits.push(emit);
        }
        return undefined;
      },
    });
    const config = probe(`${decoupled} dynamic_batching { preserve_ordering: true preferred_batch_size: [ 1 ] }`);
    const engine = await new TemporaryRepository().bare('m', config).open({ backends: { probe: backend } });
    const order: string[] = [];
    const log = (name: string) => (event: ResponseEvent) =>
      order.push(
        event.response === undefined
          ? `${name}.`
          : `${name}${(event.response as never as { outputs: { data: number[] }[] }).outputs[0]!.data[0]}`,
      );
    const a = engine.stream({ model: 'm', inputs: [fp32('x', [1, 1], [1])] }, log('a'));
    const b = engine.stream({ model: 'm', inputs: [fp32('x', [1, 1], [1])] }, log('b'));
    while (emits.length < 2) await new Promise((resolve) => setImmediate(resolve));
    emits[1]!(answer(requests[1]!, 1));
    emits[1]!(done);
    emits[0]!(answer(requests[0]!, 1));
    emits[0]!(done);
    await Promise.all([a, b]);
    expect(order).toEqual(['a1', 'a.', 'b1', 'b.']);
  });
});

test('any other model gives one response, which is the final one', async () => {
  const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: tenfold() } });
  expect(engine.isDecoupled('m')).toBe(false);
  expect(await said(engine, 'm', 4)).toBe('40.');
});

describe('an ensemble with a decoupled step', () => {
  const repository = () =>
    new TemporaryRepository()
      .bare('count', probe(decoupled).replace('"probe"', '"counter"'))
      .bare('ten', probe().replace('"probe"', '"tenfold"'));
  const backends = () => ({ counter: counting(), tenfold: tenfold() });

  test('is decoupled, and runs the steps behind it once for each response', async () => {
    const engine = await repository()
      .bare('flow', chain('ten', 'count', 'ten'))
      .open({ backends: backends() });
    expect(engine.config('flow').model_transaction_policy).toEqual({ decoupled: true });
    expect(await said(engine, 'flow', 0.3)).toBe('30 40 50 -.');
    expect(engine.statistics('ten')[0]!.inference_count).toBe(4);
    expect(engine.statistics('count')[0]!.inference_count).toBe(1);
    await expect(ask(engine, 'flow')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  test('one decoupled step after another', async () => {
    const engine = await repository().bare('flow', chain('count', 'count')).open({ backends: backends() });
    expect((await said(engine, 'flow', 2)).split(' ').sort()).toEqual(['-.', '2', '3', '3', '4', '5'].sort());
  });

  test('joining its responses with tensors of the request is refused, as by Triton', async () => {
    const flow = `platform: "ensemble" max_batch_size: 8
      input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
      output [ { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }, { name: "z" data_type: TYPE_FP32 dims: [ 1 ] } ]
      ensemble_scheduling {
        step { model_name: "count" model_version: -1 input_map { key: "x" value: "x" } output_map { key: "y" value: "y" } }
        step { model_name: "ten" model_version: -1 input_map { key: "x" value: "x" } output_map { key: "y" value: "z" } }
      }`;
    const engine = await repository().bare('flow', flow).open({ backends: backends() });
    expect(reasonOf(engine, 'flow')).toBe(
      "model 'flow' version 1: ensemble 'flow': the ensemble joins its outputs 'y' (from decoupled step 0 (count)) and 'z' (from the request)",
    );
  });

  test('the first error ends it', async () => {
    const failing = new ProbeBackend({
      respond: (request, emit) => {
        emit(answer(request, 1));
        emit({ response: new ConchError('EXECUTION_FAILED', 'broken'), final: false });
        emit(answer(request, 2));
        emit(done);
        return undefined;
      },
    });
    const engine = await repository()
      .bare('flow', chain('count', 'ten'))
      .open({ backends: { ...backends(), counter: failing } });
    expect(await said(engine, 'flow', 1)).toMatch(/^(10 )?ensemble 'flow', step 0 'count': broken\.$/);
  });

  test('without a response, it ends without one', async () => {
    const engine = await repository().bare('flow', chain('count', 'ten')).open({ backends: backends() });
    expect(await said(engine, 'flow', 0)).toBe('-.');
  });
});
