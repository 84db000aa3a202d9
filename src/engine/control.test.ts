import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeClock } from './testing/fake-clock.ts';
import { all, ask, chain, probe, reasonOf, rows, versioned } from './testing/models.ts';
import { deferred, ProbeBackend } from './testing/probe.ts';
import { TemporaryRepository } from './testing/repository.ts';

const json = (more: object = {}) =>
  JSON.stringify({
    backend: 'probe',
    max_batch_size: 8,
    input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [1] }],
    output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [1] }],
    ...more,
  });

describe('model control mode', () => {
  test.each(['none', 'poll'] as const)('%s refuses load and unload', async (modelControlMode) => {
    const repository = new TemporaryRepository().bare('m', probe());
    const engine = await repository.open({ backends: { probe: versioned() }, modelControlMode, repositoryPollSecs: 0 });
    const refusal = {
      code: 'NOT_SUPPORTED',
      status: 'UNAVAILABLE',
      message: `model 'm' cannot be loaded or unloaded by request: the server's model control mode is ${modelControlMode}`,
      fix: 'start it with --model-control-mode=explicit',
    };
    await expect(engine.load('m')).rejects.toMatchObject(refusal);
    await expect(engine.unload('m')).rejects.toMatchObject(refusal);
    expect(rows(engine)).toEqual(['m 1 READY']);
  });

  test('none is what an engine has that was told nothing', async () => {
    const repository = new TemporaryRepository().bare('m', probe());
    const engine = await repository.open({ backends: { probe: versioned() }, modelControlMode: 'none' });
    repository.write('m/2/model.txt', '');
    await engine.poll();
    expect(rows(engine)).toEqual(['m 1 READY']);
  });
});

describe('poll', () => {
  async function polled(repository: TemporaryRepository) {
    const clock = new FakeClock();
    const backend = versioned();
    const engine = await repository.open({
      backends: { probe: backend },
      clock,
      modelControlMode: 'poll',
      repositoryPollSecs: 15,
    });
    return { engine, clock, backend };
  }

  test('follows models that appear, change and go', async () => {
    const repository = new TemporaryRepository().bare('a', probe()).bare('b', probe());
    const { engine, backend } = await polled(repository);
    await ask(engine, 'b');
    repository.bare('c', probe()).write('a/2/model.txt', '');
    await engine.poll();
    expect(rows(engine)).toEqual(['a 1 UNAVAILABLE', 'a 2 READY', 'b 1 READY', 'c 1 READY']);
    expect([...backend.loads].sort()).toEqual(['a/1', 'a/2', 'b/1', 'c/1']);
    expect(engine.statistics('b')[0]!.inference_count).toBe(1);
    repository.remove('b');
    await engine.poll();
    await expect.poll(() => rows(engine)).toContain('b 1 UNAVAILABLE');
    expect(reasonOf(engine, 'b')).toBe('unloaded');
    expect(engine.isReady()).toBe(true);
  });

  test('looks every so often', async () => {
    const repository = new TemporaryRepository().bare('a', probe());
    const { engine, clock } = await polled(repository);
    repository.write('a/2/model.txt', '');
    clock.advance(15_000);
    await expect.poll(() => rows(engine)).toContain('a 2 READY');
    repository.write('a/3/model.txt', '');
    await expect.poll(() => clock.timers).toBe(1);
    clock.advance(15_000);
    await expect.poll(() => rows(engine)).toContain('a 3 READY');
  });

  test('notices changes before its time where the file system tells of them', async () => {
    const repository = new TemporaryRepository().bare('a', probe());
    const { engine } = await polled(repository);
    await expect
      .poll(
        () => {
          // Written again and again, since watching may begin after the first.
          repository.write('a/2/model.txt', '');
          return rows(engine);
        },
        { interval: 300, timeout: 10_000 },
      )
      .toContain('a 2 READY');
  });

  test('leaves what serves as it is when the new state does not load, and tries again each time', async () => {
    const repository = new TemporaryRepository().bare('a', probe()).bare('aa', chain('a', 'a'));
    const { engine } = await polled(repository);
    repository.config('a', 'nonsense');
    await engine.poll();
    expect((await ask(engine, 'aa')).model).toBe('aa');
    repository.config('a', probe());
    await engine.poll();
    expect(engine.isReady()).toBe(true);
    repository.config('a', probe().replace('max_batch_size: 8', 'max_batch_size: 4'));
    await engine.poll();
    expect(reasonOf(engine, 'aa')).toBe("ensemble 'aa': its max_batch_size 8 exceeds the 4 of step 0, 'a'");
    repository.config('a', probe());
    await engine.poll();
    expect(engine.isReady()).toBe(true);
  });

  test('of an unchanged model reads nothing but whether it has changed', async () => {
    const repository = new TemporaryRepository().bare('a', probe());
    const { engine } = await polled(repository);
    const config = engine.config('a');
    await engine.poll();
    expect(engine.config('a')).toBe(config);
  });

  test('of an unchanged ensemble does not load it again', async () => {
    const repository = new TemporaryRepository().bare('a', probe()).bare('aa', chain('a', 'a'));
    const { engine } = await polled(repository);
    await ask(engine, 'aa');
    await engine.poll();
    expect(engine.statistics('aa')[0]!.inference_count).toBe(1);
  });
});

describe('overrides', () => {
  test('a config stands in for the file until the next load without one', async () => {
    const backend = versioned();
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: backend } });
    await engine.load('m', { config: json({ max_batch_size: 3 }) });
    expect(engine.config('m').max_batch_size).toBe(3);
    await engine.load('m', { config: json({ max_batch_size: 3 }) });
    expect(backend.loads).toEqual(['m/1', 'm/1', 'm/1']);
    await engine.load('m');
    expect(engine.config('m').max_batch_size).toBe(8);
  });

  test('files stand in for the whole folder, in a place of their own that goes with the model', async () => {
    const seen: string[] = [];
    const backend = new ProbeBackend({ onLoad: ({ dir }) => void seen.push(dir) });
    const repository = new TemporaryRepository().bare('m', probe());
    const engine = await repository.open({ backends: { probe: backend }, models: [] });
    const files = new Map([
      ['7/sub/model.txt', new TextEncoder().encode('hello')],
      ['labels.txt', new TextEncoder().encode('one\ntwo\n')],
    ]);
    const output = [{ name: 'y', data_type: 'TYPE_FP32', dims: [1], label_filename: 'labels.txt' }];
    await engine.load('m', { config: json({ output }), files });
    expect(rows(engine)).toEqual(['m 7 READY']);
    expect(engine.labels('m', 'y')).toEqual(['one', 'two']);
    const [dir] = seen;
    expect(dir!.startsWith(repository.root)).toBe(false);
    expect(readFileSync(join(dir!, 'sub/model.txt'), 'utf8')).toBe('hello');
    await engine.load('m');
    expect(rows(engine)).toEqual(['m 1 READY', 'm 7 UNLOADING']);
    await expect.poll(() => existsSync(dir!)).toBe(false);
  });

  test('of a model that is nowhere on disk need no folder; at the end nothing is left of them', async () => {
    const seen: string[] = [];
    const backend = new ProbeBackend({ onLoad: ({ dir }) => void seen.push(dir) });
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: backend } });
    const files = new Map([['1/model.txt', new Uint8Array()]]);
    await engine.load('new', { config: json(), files });
    expect((await ask(engine, 'new')).version).toBe('1');
    await engine.close();
    expect(seen.map((dir) => existsSync(dir))).toEqual([true, false]);
  });

  test('other files for the same version are loaded, too', async () => {
    const seen: string[] = [];
    const backend = new ProbeBackend({
      onLoad: ({ dir }) => void seen.push(readFileSync(join(dir, 'model.txt'), 'utf8')),
    });
    const engine = await new TemporaryRepository()
      .bare('m', probe())
      .open({ backends: { probe: backend }, models: [] });
    for (const text of ['one', 'two']) {
      await engine.load('m', { config: json(), files: new Map([['1/model.txt', new TextEncoder().encode(text)]]) });
    }
    expect(seen).toEqual(['one', 'two']);
  });

  test('that fail leave the old version serving and nothing behind', async () => {
    const seen: string[] = [];
    const backend = new ProbeBackend({
      onLoad: ({ dir, version }) => {
        seen.push(dir);
        if (version === 2) throw new Error('bad weights');
      },
    });
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: backend } });
    const files = new Map([['2/model.txt', new Uint8Array()]]);
    await expect(engine.load('m', { config: json(), files })).rejects.toThrow("model 'm' version 2: bad weights");
    expect((await ask(engine, 'm')).version).toBe('1');
    expect(existsSync(seen[1]!)).toBe(false);
  });

  const file = (path: string) => ({ config: json(), files: new Map([[path, new Uint8Array()]]) });
  test.each([
    ['no JSON', { config: '{' }, /^model 'm' cannot be loaded: the 'config' given with the request: not JSON/],
    ['an unknown field', { config: '{"frob":1}' }, /^model 'm' cannot be loaded: the 'config' .* frob/],
    ['files alone', { files: new Map([['1/a', new Uint8Array()]]) }, /files are given without 'config'/],
    ['a file above the model', file('../a'), /'file:\.\.\/a' is not a file below the model's folder/],
    ['a file far above', file('1/../../../a'), /is not a file below the model's folder/],
    ['a file anywhere', file('/etc/a'), /is not a file below the model's folder/],
    ['no file', file('.'), /is not a file below the model's folder/],
    [
      'a file as folder',
      {
        config: json(),
        files: new Map([
          ['1/a', new Uint8Array()],
          ['1/a/b', new Uint8Array()],
        ]),
      },
      /its files cannot be written/,
    ],
  ])('with %s are refused as Triton refuses them', async (_what, overrides, message) => {
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: versioned() } });
    await expect(engine.load('m', overrides)).rejects.toMatchObject({
      status: 'INTERNAL',
      message: expect.stringMatching(message),
    });
    expect(rows(engine)).toEqual(['m 1 READY']);
  });
});

describe('unload with dependents', () => {
  const repository = () =>
    new TemporaryRepository()
      .bare('a', probe())
      .bare('b', probe())
      .bare('ab', chain('a', 'b'))
      .bare('top', chain('ab', 'b'));

  test('takes along what came only for it', async () => {
    const engine = await repository().open({ backends: { probe: versioned() }, models: ['top', 'b'] });
    expect(engine.isReady()).toBe(true);
    await engine.unload('top', { dependents: true });
    await expect
      .poll(() => rows(engine))
      .toEqual(['a 1 UNAVAILABLE', 'ab 1 UNAVAILABLE', 'b 1 READY', 'top 1 UNAVAILABLE']);
  });

  test('leaves what another ensemble uses; without it members stay', async () => {
    const engine = await repository().open({ backends: { probe: versioned() }, models: ['top', 'ab'] });
    await engine.unload('top', { dependents: true });
    await expect.poll(() => rows(engine)).toEqual(['a 1 READY', 'ab 1 READY', 'b 1 READY', 'top 1 UNAVAILABLE']);
    await engine.unload('ab');
    await expect.poll(() => rows(engine).slice(0, 3)).toEqual(['a 1 READY', 'ab 1 UNAVAILABLE', 'b 1 READY']);
  });
});

describe('several repositories', () => {
  test('serve together; a name that two of them have is refused with both places', async () => {
    const first = new TemporaryRepository().bare('a', probe()).bare('both', probe());
    const second = new TemporaryRepository().bare('b', probe()).bare('both', probe());
    const engine = await first.open({ backends: { probe: versioned() }, repository: [first.root, second.root] });
    expect(rows(engine)).toEqual(['a 1 READY', 'b 1 READY', 'both UNAVAILABLE']);
    expect(reasonOf(engine, 'both')).toBe(
      `model 'both' is in more than one repository: ${join(first.root, 'both')} and ${join(second.root, 'both')}`,
    );
    await expect(engine.load('both')).rejects.toMatchObject({ status: 'INTERNAL' });
    second.remove('both');
    await engine.load('both');
    expect(engine.isReady()).toBe(true);
  });
});

describe('flags of the engine', () => {
  test('modelConfigName prefers configs/<name>.pbtxt where a model has it', async () => {
    const repository = new TemporaryRepository()
      .bare('a', probe())
      .write('a/configs/small.pbtxt', probe().replace('8', '2'))
      .bare('b', probe());
    const engine = await repository.open({ backends: { probe: versioned() }, modelConfigName: 'small' });
    expect([engine.config('a').max_batch_size, engine.config('b').max_batch_size]).toEqual([2, 8]);
  });

  test('autoCompleteConfig: false needs a configuration file', async () => {
    const repository = new TemporaryRepository().bare('a.probe', probe()).write('b.probe/1/x', '');
    const engine = await repository.open({ backends: { probe: versioned() }, autoCompleteConfig: false });
    expect(reasonOf(engine, 'b.probe')).toMatch(/there is no .*config\.pbtxt, and auto-complete is disabled$/);
    expect(reasonOf(engine, 'a.probe')).toBeUndefined();
  });

  test('backendConfig reaches the backend, and its default-max-batch-size the completion', async () => {
    const settings: unknown[] = [];
    const backend = new ProbeBackend({ onLoad: (source) => void settings.push(source.settings) });
    const repository = new TemporaryRepository().bare('m', probe()).onnx('free', 'mlp', '');
    const engine = await repository.open({
      backends: { probe: backend },
      backendConfig: { '': { a: '1', b: '1', 'default-max-batch-size': '6' }, probe: { b: '2' } },
    });
    expect(settings).toEqual([{ a: '1', b: '2', 'default-max-batch-size': '6' }]);
    expect(engine.config('free').max_batch_size).toBe(6);
    expect(() => repository.create({ backendConfig: { '': { 'default-max-batch-size': 'x' } } })).toThrow(
      "--backend-config: default-max-batch-size is a whole number, got 'x'",
    );
  });

  test('modelLoadRetryCount tries again', async () => {
    let failures = 2;
    const backend = new ProbeBackend({
      onLoad: () => {
        if (failures-- > 0) throw new Error('not yet');
      },
    });
    const repository = new TemporaryRepository().bare('m', probe());
    const engine = await repository.open({ backends: { probe: backend }, modelLoadRetryCount: 2 });
    expect(backend.loads).toEqual(['m/1', 'm/1', 'm/1']);
    expect(engine.isReady()).toBe(true);
  });

  test('modelLoadThreadCount bounds the loads at a time', async () => {
    const gate = deferred();
    let now = 0;
    let most = 0;
    const backend = new ProbeBackend({
      onLoad: async () => {
        now += 1;
        most = Math.max(most, now);
        await gate.promise;
        now -= 1;
      },
    });
    const repository = new TemporaryRepository();
    for (const name of 'abcde') repository.bare(name, probe());
    const engine = repository.create({ backends: { probe: backend }, modelLoadThreadCount: 2 });
    const started = engine.start();
    await expect.poll(() => now).toBe(2);
    gate.resolve();
    await started;
    expect([most, engine.isReady()]).toEqual([2, true]);
  });

  test('strictReadiness: false is ready without its models', async () => {
    const repository = new TemporaryRepository().bare('m', 'nonsense');
    const lenient = await repository.open({ strictReadiness: false });
    expect(lenient.isReady()).toBe(true);
    expect((await repository.open()).isReady()).toBe(false);
  });

  test('an unchanged version goes on serving while others come and go', async () => {
    const repository = new TemporaryRepository().bare('m', probe(all), [1, 2]);
    const engine = await repository.open({ backends: { probe: versioned() } });
    repository.remove('m/1').write('m/3/model.txt', '');
    await engine.load('m');
    await expect.poll(() => rows(engine)).toEqual(['m 1 UNAVAILABLE', 'm 2 READY', 'm 3 READY']);
  });
});

test('closing does not wait for a load that does not end', async () => {
  const clock = new FakeClock();
  const gate = deferred();
  let loading = false;
  const backend = new ProbeBackend({
    onLoad: async ({ name }) => {
      if (name === 'slow') loading = true;
      if (name === 'slow') await gate.promise;
    },
  });
  const repository = new TemporaryRepository().bare('m', probe()).bare('slow', probe());
  const engine = await repository.open({ backends: { probe: backend }, clock, models: ['m'] });
  const load = engine.load('slow');
  load.catch(() => {});
  await expect.poll(() => loading).toBe(true);
  const closing = engine.close({ timeoutMs: 5000 });
  await expect.poll(() => backend.instances[0]!.closed).toBe(true);
  clock.advance(5000);
  expect(await closing).toBe(false);
  gate.resolve();
  await expect(load).rejects.toMatchObject({ code: 'SERVER_STOPPING' });
});

test('what only Triton has is refused by name: repository agents, other backends', async () => {
  const engine = await new TemporaryRepository()
    .bare('agent', `${probe()} model_repository_agents { agents { name: "checksum" } }`)
    .bare('plan', 'backend: "tensorrt"')
    .open({ backends: { probe: new ProbeBackend() } });
  expect(reasonOf(engine, 'agent')).toBe(
    "model 'agent': the repository agent 'checksum' is asked for, the embedded server has none",
  );
  expect(reasonOf(engine, 'plan')).toContain("backend 'tensorrt', which the embedded server does not have; it has");
});
