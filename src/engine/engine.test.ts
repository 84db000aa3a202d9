import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { all, ask, chain, probe, reasonOf, rows, versioned } from './testing/models.ts';
import { deferred, ProbeBackend } from './testing/probe.ts';
import { fp32, TemporaryRepository } from './testing/repository.ts';

describe('look-up', () => {
  const open = () =>
    new TemporaryRepository().bare('m', probe(all), [1, 3, 12]).open({ backends: { probe: versioned() } });

  test('without a version the newest by number serves; each can be named', async () => {
    const engine = await open();
    expect((await ask(engine, 'm')).version).toBe('12');
    expect((await ask(engine, 'm', '')).version).toBe('12');
    expect((await ask(engine, 'm', '3')).outputs[0]!.data[0]).toBe(3);
    expect(engine.metadata('m').versions).toEqual(['1', '3', '12']);
    expect(engine.metadata('m', '3').versions).toEqual(['3']);
    expect(engine.isModelReady('m', '1')).toBe(true);
  });

  test.each([
    ['nope', undefined, 'MODEL_NOT_FOUND', 'NOT_FOUND', "unknown model 'nope': this server has no model of that name"],
    ['m', '2', 'MODEL_NOT_FOUND', 'NOT_FOUND', "unknown model 'm' version 2: it is not among those loaded"],
    ['m', 'x', 'REQUEST_INVALID', 'INVALID_ARG', "model 'm': 'x' is not a version; versions are whole numbers"],
    ['m', '-1', 'REQUEST_INVALID', 'INVALID_ARG', "model 'm': '-1' is not a version; versions are whole numbers"],
    [
      'constructor',
      undefined,
      'MODEL_NOT_FOUND',
      'NOT_FOUND',
      "unknown model 'constructor': this server has no model of that name",
    ],
  ])('%s %s', async (model, version, code, status, message) => {
    const engine = await open();
    const error = expect.objectContaining({ code, status, message });
    await expect(ask(engine, model, version)).rejects.toThrow(error);
    expect(() => engine.metadata(model, version)).toThrow(error);
    expect(() => engine.config(model, version)).toThrow(error);
    expect(() => engine.isModelReady(model, version)).toThrow(error);
  });

  test('statistics of what is not there are INVALID_ARG, as in Triton', async () => {
    const engine = await open();
    expect(engine.statistics().map(({ version }) => version)).toEqual(['1', '3', '12']);
    expect(engine.statistics('m', '3').map(({ version }) => version)).toEqual(['3']);
    for (const [name, version] of [
      ['nope', undefined],
      ['m', '2'],
    ] as const) {
      expect(() => engine.statistics(name, version)).toThrow(
        expect.objectContaining({
          status: 'INVALID_ARG',
          message: expect.stringMatching(/^no statistics: model '.*is not ready or not known$/),
        }),
      );
    }
  });
});

describe('start', () => {
  test('a model that fails is listed with its reason, and the others serve', async () => {
    const engine = await new TemporaryRepository()
      .bare('good', probe())
      .bare('alien', 'backend: "tensorrt" max_batch_size: 1')
      .bare('empty', probe(), [])
      .config('typo', 'max_batch_sise: 8')
      .open({ backends: { probe: versioned() } });
    expect(engine.isLive()).toBe(true);
    expect(engine.isReady()).toBe(false);
    expect(rows(engine)).toEqual(['alien 1 UNAVAILABLE', 'empty UNAVAILABLE', 'good 1 READY', 'typo UNAVAILABLE']);
    expect(reasonOf(engine, 'alien')).toBe(
      "model 'alien' version 1: it uses backend 'tensorrt', which the embedded server does not have; it has onnxruntime, python, pytorch, identity, repeat, probe",
    );
    expect(reasonOf(engine, 'empty')).toMatch(
      /^model 'empty': there is no version to serve: .* holds no version folder such as 1\/$/,
    );
    expect(reasonOf(engine, 'typo')).toMatch(/max_batch_sise/);
    expect((await ask(engine, 'good')).version).toBe('1');
    await expect(ask(engine, 'empty')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(
        /^unknown model 'empty': no version of it is ready; model 'empty': there is no version/,
      ),
    });
    await expect(ask(engine, 'alien', '1')).rejects.toMatchObject({ code: 'MODEL_NOT_READY', status: 'UNAVAILABLE' });
  });

  test('exitOnError rejects with every reason and leaves nothing behind', async () => {
    const backend = versioned();
    const engine = new TemporaryRepository()
      .bare('good', probe())
      .bare('alien', 'backend: "tensorrt"')
      .bare('stranger', 'backend: "openvino"')
      .create({ backends: { probe: backend }, exitOnError: true });
    await expect(engine.start()).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: expect.stringMatching(
        /^2 of the models failed to load:\n- .*model 'alien'[\s\S]*\n- .*model 'stranger'/,
      ),
    });
    expect(backend.instances[0]!.closed).toBe(true);
    expect(engine.isLive()).toBe(false);
  });

  test('only the models asked for are loaded, with those that an ensemble needs', async () => {
    const backend = versioned();
    const repository = new TemporaryRepository()
      .bare('a', probe())
      .bare('b', probe())
      .bare('c', probe())
      .bare('ab', chain('a', 'b'));
    const engine = await repository.open({ backends: { probe: backend }, models: ['ab'] });
    expect(rows(engine)).toEqual(['a 1 READY', 'ab 1 READY', 'b 1 READY', 'c']);
    expect(backend.loads.toSorted()).toEqual(['a/1', 'b/1']);
    expect(engine.isReady()).toBe(true);
    await expect(ask(engine, 'c')).rejects.toThrow("unknown model 'c': no version of it is ready; it is not loaded");
  });

  test('a model that the repository lacks, and a repository that is not there', async () => {
    const repository = new TemporaryRepository().bare('a', probe());
    await expect(repository.open({ models: ['z'] })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(/^model 'z' is not in .*, which holds 'a'$/),
    });
    await expect(repository.create({ repository: `${repository.root}/none` }).start()).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });

  test('while it loads it is neither live nor ready, and says so', async () => {
    const gate = deferred();
    const backend = new ProbeBackend({ onLoad: () => gate.promise });
    const engine = new TemporaryRepository().bare('m', probe()).create({ backends: { probe: backend } });
    expect([engine.isLive(), engine.isReady(), engine.index()]).toEqual([false, false, []]);
    const started = engine.start();
    await expect.poll(() => rows(engine)).toEqual(['m LOADING']);
    expect([engine.isLive(), engine.isReady()]).toEqual([false, false]);
    await expect(ask(engine, 'm')).rejects.toMatchObject({
      code: 'MODEL_NOT_READY',
      message: "model 'm' is not ready: the server is still starting",
    });
    gate.resolve();
    await started;
    expect([engine.isLive(), engine.isReady()]).toEqual([true, true]);
    await expect(engine.start()).rejects.toThrow('the engine was started already: it is running');
  });

  test('all selected versions load, or none', async () => {
    const backend = new ProbeBackend({
      onLoad: ({ version }) => {
        if (version === 2) throw new ConchError('MODEL_LOAD_FAILED', 'bad weights');
      },
    });
    const engine = await new TemporaryRepository().bare('m', probe(all), [1, 2]).open({ backends: { probe: backend } });
    expect(engine.index()).toEqual([
      { name: 'm', version: '2', state: 'UNAVAILABLE', reason: "model 'm' version 2: bad weights" },
    ]);
    expect(backend.instances.map(({ closed }) => closed)).toEqual([true]);
  });

  test('errors in a config point at its line', async () => {
    const repository = new TemporaryRepository().bare(
      'm',
      probe('\n\ndynamic_batching { preferred_batch_size: [ 4, 16 ] }'),
    );
    const engine = await repository.open({ backends: { probe: versioned() } });
    await expect(engine.load('m')).rejects.toMatchObject({
      message: "model 'm': preferred_batch_size 16 exceeds max_batch_size 8",
      where: {
        file: expect.stringMatching(/m\/config\.pbtxt$/),
        line: 7,
        path: 'dynamic_batching.preferred_batch_size[1]',
      },
    });
  });

  test('several problems are all named', async () => {
    const repository = new TemporaryRepository().bare(
      'm',
      probe('dynamic_batching { preferred_batch_size: [ 0, 16 ] }'),
    );
    const engine = await repository.open({ backends: { probe: versioned() } });
    expect(reasonOf(engine, 'm')).toBe(
      "model 'm': preferred_batch_size must be above 0, it is 0 (and 1 more: preferred_batch_size 16 exceeds max_batch_size 8)",
    );
  });

  test('a label file that is missing', async () => {
    const repository = new TemporaryRepository().bare(
      'm',
      probe().replace('name: "y"', 'name: "y" label_filename: "labels.txt"'),
    );
    const engine = await repository.open({ backends: { probe: versioned() } });
    expect(reasonOf(engine, 'm')).toMatch(/^model 'm': output 'y': label file 'labels.txt' cannot be read from /);
  });
});

describe('close', () => {
  test('finishes what is queued and running, refuses what comes, then frees everything', async () => {
    const gate = deferred();
    let gated = false;
    const backend = new ProbeBackend({
      answer: async ({ inputs, outputs }) => {
        if (gated) await gate.promise;
        return outputs.map((name) => ({ ...inputs[0]!, name }));
      },
    });
    const engine = await new TemporaryRepository()
      .bare('m', probe())
      .bare('mm', chain('m', 'm'))
      .open({ backends: { probe: backend } });
    gated = true;
    const running = [ask(engine, 'm'), ask(engine, 'm'), ask(engine, 'mm')];
    const closed = engine.close();
    expect([engine.isLive(), engine.isReady()]).toEqual([false, false]);
    const stopping = {
      code: 'SERVER_STOPPING',
      status: 'UNAVAILABLE',
      message: 'the server is shutting down and takes no new work',
    };
    await expect(ask(engine, 'm')).rejects.toMatchObject(stopping);
    await expect(engine.load('m')).rejects.toMatchObject(stopping);
    await expect(engine.unload('m')).rejects.toMatchObject(stopping);
    gate.resolve();
    await Promise.all(running);
    expect(await closed).toBe(true);
    expect(backend.instances[0]!.closed).toBe(true);
    expect(await engine.close()).toBe(true);
  });

  test('breaks off after its time, and says so', async () => {
    let stuck = false;
    const backend = new ProbeBackend({
      answer: ({ inputs, outputs }) =>
        stuck ? new Promise(() => {}) : outputs.map((name) => ({ ...inputs[0]!, name })),
    });
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: backend } });
    stuck = true;
    const requests = [ask(engine, 'm'), ask(engine, 'm')];
    const settled = Promise.allSettled(requests);
    expect(await engine.close({ timeoutMs: 10 })).toBe(false);
    for (const result of await settled) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'SERVER_STOPPING', message: "model 'm' version 1 was stopped before it answered" },
      });
    }
    expect(backend.instances[0]!.closed).toBe(true);
  });

  test('during the start ends it, and frees what was loaded meanwhile', async () => {
    const gate = deferred();
    const backend = new ProbeBackend({ onLoad: () => gate.promise });
    const engine = new TemporaryRepository()
      .bare('m', probe())
      .bare('mm', chain('m', 'm'))
      .create({ backends: { probe: backend } });
    const started = engine.start();
    started.catch(() => {});
    await expect.poll(() => backend.loads).toEqual(['m/1']);
    const closed = engine.close();
    gate.resolve();
    expect(await closed).toBe(true);
    await expect(started).rejects.toMatchObject({ code: 'SERVER_STOPPING' });
    expect(backend.instances.map((instance) => instance.closed)).toEqual([true]);
    expect(backend.closes).toBe(1);
  });

  test('of an engine that was never started', async () => {
    expect(await new TemporaryRepository().create().close()).toBe(true);
  });
});

test('a model whose instances all died is not healthy, and refuses with the reason', async () => {
  const backend = versioned();
  const immediate = {
    now: () => performance.now(),
    soon: (action: () => void) => action(),
    after: (_: number, action: () => void) => {
      action();
      return () => {};
    },
  };
  const engine = await new TemporaryRepository()
    .bare('m', probe())
    .bare('mm', chain('m', 'm'))
    .open({ backends: { probe: backend }, clock: immediate });
  for (let life = 0; life < 4; life++) {
    const count = backend.instances.length;
    backend.instances.at(-1)!.lose(new ConchError('EXECUTION_FAILED', 'killed'));
    if (life < 3) await expect.poll(() => backend.instances.length).toBe(count + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(engine.isModelReady('m')).toBe(false);
  expect(engine.isModelReady('mm')).toBe(false);
  expect(engine.isReady()).toBe(false);
  await expect(ask(engine, 'm')).rejects.toMatchObject({
    code: 'MODEL_NOT_READY',
    status: 'UNAVAILABLE',
    message: "model 'm': all its instances died, the last with: killed",
  });
});

test('counters carry what the metrics page needs', async () => {
  const gate = deferred();
  let gated = false;
  const backend = new ProbeBackend({
    answer: async ({ inputs, outputs }) => {
      if (gated) await gate.promise;
      return outputs.map((name) => ({ ...inputs[0]!, name }));
    },
  });
  const engine = await new TemporaryRepository()
    .bare('m', probe())
    .open({ backends: { probe: backend }, maxQueueSize: 2 });
  gated = true;
  const gone = new AbortController();
  const running = [ask(engine, 'm'), ask(engine, 'm')];
  const cancelled = engine.infer({ model: 'm', inputs: [fp32('x', [1, 1], [1])], signal: gone.signal });
  cancelled.catch(() => {});
  await expect(ask(engine, 'm')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  expect(engine.counters()[0]!.pending).toBe(2);
  gone.abort();
  await expect(cancelled).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  gate.resolve();
  await Promise.all(running);
  const [counters] = engine.counters();
  expect(counters).toMatchObject({
    pending: 0,
    failures: { REJECTED: 0, CANCELED: 1, BACKEND: 0, OTHER: 0 },
    statistics: {
      inference_count: 2,
      inference_stats: { success: { count: 2 }, fail: { count: 1 }, queue: { count: 2 } },
    },
  });
  expect(counters!.loadSeconds).toBeGreaterThanOrEqual(0);
  expect(counters!.statistics.last_inference).toBeGreaterThan(1.6e12);
});
