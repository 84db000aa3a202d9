import { utimesSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ask, chain, probe, reasonOf, rows, versioned } from './testing/models.ts';
import { deferred, ProbeBackend } from './testing/probe.ts';
import { TemporaryRepository } from './testing/repository.ts';

describe('load', () => {
  test('of what is unchanged does nothing', async () => {
    const backend = versioned();
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: backend } });
    await ask(engine, 'm');
    await engine.load('m');
    expect(backend.loads).toEqual(['m/1']);
    expect(engine.statistics('m')[0]!.inference_count).toBe(1);
  });

  test('of a file that was written again with the same content does nothing; one of other content is a change', async () => {
    const backend = versioned();
    const repository = new TemporaryRepository().bare('m', probe()).write('m/1/model.txt', 'weights');
    const engine = await repository.open({ backends: { probe: backend } });
    utimesSync(`${repository.root}/m/1/model.txt`, 1, 1);
    repository.write('m/config.pbtxt', probe());
    await engine.load('m');
    expect(backend.loads).toEqual(['m/1']);
    repository.write('m/1/model.txt', 'WEIGHTS');
    utimesSync(`${repository.root}/m/1/model.txt`, 1, 1);
    await engine.load('m');
    expect(backend.loads).toEqual(['m/1', 'm/1']);
  });

  test('of a new version switches to it, and the old one finishes what it has', async () => {
    const gate = deferred();
    let gated = false;
    const backend = new ProbeBackend({
      answer: async ({ inputs, outputs }, { version }) => {
        if (gated && version === 1) await gate.promise;
        return outputs.map((name) => ({ ...inputs[0]!, name, data: Float32Array.of(version) }));
      },
    });
    const repository = new TemporaryRepository().bare('m', probe());
    const engine = await repository.open({ backends: { probe: backend } });
    gated = true;
    const old = ask(engine, 'm');
    repository.write('m/2/model.txt', 'new');
    await engine.load('m');
    expect((await ask(engine, 'm')).version).toBe('2');
    expect(rows(engine)).toEqual(['m 1 UNLOADING', 'm 2 READY']);
    expect(backend.instances[0]!.closed).toBe(false);
    gate.resolve();
    expect((await old).outputs[0]!.data[0]).toBe(1);
    await expect
      .poll(() => engine.index()[0])
      .toEqual({ name: 'm', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' });
    expect(backend.instances[0]!.closed).toBe(true);
    expect(engine.isReady()).toBe(true);
    await expect(ask(engine, 'm', '1')).rejects.toMatchObject({
      code: 'MODEL_NOT_READY',
      message: "unknown model 'm' version 1: it is not ready: unloaded",
    });
  });

  test('that fails leaves the old version serving, and the next attempt tries again', async () => {
    const backend = versioned();
    const repository = new TemporaryRepository().bare('m', probe());
    const engine = await repository.open({ backends: { probe: backend } });
    repository.config('m', probe('max_batch_size: 9'));
    await expect(engine.load('m')).rejects.toMatchObject({ where: { file: expect.stringMatching(/config\.pbtxt$/) } });
    expect((await ask(engine, 'm')).version).toBe('1');
    expect(rows(engine)).toEqual(['m 1 READY']);
    await expect(engine.load('m')).rejects.toThrow();
    repository.config('m', probe().replace('max_batch_size: 8', 'max_batch_size: 9'));
    await engine.load('m');
    expect(engine.config('m').max_batch_size).toBe(9);
    expect(engine.isReady()).toBe(true);
  });

  test('finds a model that appeared since the start', async () => {
    const repository = new TemporaryRepository().bare('a', probe());
    const engine = await repository.open({ backends: { probe: versioned() } });
    repository.bare('b', probe());
    await engine.load('b');
    expect(rows(engine)).toEqual(['a 1 READY', 'b 1 READY']);
  });

  test('of what does not exist is INTERNAL, as in Triton; names that leave the folder are refused', async () => {
    const engine = await new TemporaryRepository().bare('a', probe()).open({ backends: { probe: versioned() } });
    await expect(engine.load('z')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      status: 'INTERNAL',
      message: expect.stringMatching(/^model 'z' cannot be loaded: .* has no such folder$/),
    });
    for (const name of ['', '..', '../a', 'a/1']) {
      await expect(engine.load(name)).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
        message: expect.stringMatching(new RegExp(`^'${name}' cannot be a model: `)),
      });
    }
  });

  test('twice at the same time loads once', async () => {
    const backend = versioned();
    const repository = new TemporaryRepository().bare('a', probe());
    const engine = await repository.open({ backends: { probe: backend }, models: [] });
    await Promise.all([engine.load('a'), engine.load('a')]);
    expect(backend.loads).toEqual(['a/1']);
  });
});

describe('unload', () => {
  test('takes the model out at once, lets its requests finish, and is ready again', async () => {
    const gate = deferred();
    let gated = false;
    const backend = new ProbeBackend({
      answer: async ({ inputs, outputs }) => {
        if (gated) await gate.promise;
        return outputs.map((name) => ({ ...inputs[0]!, name }));
      },
    });
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: backend } });
    gated = true;
    const running = [ask(engine, 'm'), ask(engine, 'm')];
    await engine.unload('m');
    await expect(ask(engine, 'm')).rejects.toThrow("unknown model 'm': no version of it is ready; it is not loaded");
    expect(engine.index()).toEqual([{ name: 'm', version: '1', state: 'UNLOADING' }]);
    gate.resolve();
    await Promise.all(running);
    await expect
      .poll(() => engine.index())
      .toEqual([{ name: 'm', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' }]);
    expect(backend.closes).toBe(1);
    expect(engine.isReady()).toBe(true);
    expect(engine.statistics()).toEqual([]);
    await engine.load('m');
    expect((await ask(engine, 'm')).version).toBe('1');
  });

  test('of an unknown model is fine', async () => {
    const engine = await new TemporaryRepository().bare('m', probe()).open({ backends: { probe: versioned() } });
    await engine.unload('nope');
    expect(rows(engine)).toEqual(['m 1 READY']);
  });
});

describe('ensembles', () => {
  test('go when a model of theirs goes, and come back with it', async () => {
    const repository = new TemporaryRepository()
      .bare('a', probe())
      .bare('b', probe())
      .bare('ab', chain('a', 'b'))
      .bare('top', chain('ab', 'b'));
    const engine = await repository.open({ backends: { probe: versioned() } });
    expect(engine.isReady()).toBe(true);
    await engine.unload('a');
    await expect
      .poll(() => rows(engine))
      .toEqual(['a 1 UNAVAILABLE', 'ab 1 UNAVAILABLE', 'b 1 READY', 'top 1 UNAVAILABLE']);
    expect(reasonOf(engine, 'ab')).toBe(
      "ensemble 'ab': step 0 needs model 'a': unknown model 'a': no version of it is ready; it is not loaded",
    );
    expect(engine.isReady()).toBe(false);
    await engine.load('a');
    expect(rows(engine)).toEqual(['a 1 READY', 'ab 1 READY', 'b 1 READY', 'top 1 READY']);
    expect(engine.isReady()).toBe(true);
    expect((await ask(engine, 'top')).model).toBe('top');
  });

  test('are looked at again when a model of theirs changes', async () => {
    const repository = new TemporaryRepository().bare('a', probe()).bare('aa', chain('a', 'a'));
    const engine = await repository.open({ backends: { probe: versioned() } });
    repository.config('a', probe().replace('max_batch_size: 8', 'max_batch_size: 4'));
    await engine.load('a');
    expect(reasonOf(engine, 'aa')).toBe("ensemble 'aa': its max_batch_size 8 exceeds the 4 of step 0, 'a'");
    repository.config('a', probe());
    await engine.load('a');
    expect(engine.isReady()).toBe(true);
  });

  test('hold on to the versions that they began with', async () => {
    const gate = deferred();
    let gated = false;
    const backend = new ProbeBackend({
      answer: async ({ inputs, outputs }, { name, version }) => {
        if (gated && name === 'a') await gate.promise;
        return outputs.map((output) => ({ ...inputs[0]!, name: output, data: Float32Array.of(version) }));
      },
    });
    const repository = new TemporaryRepository().bare('a', probe()).bare('b', probe()).bare('ab', chain('a', 'b'));
    const engine = await repository.open({ backends: { probe: backend } });
    gated = true;
    const running = ask(engine, 'ab');
    repository.write('b/2/model.txt', '');
    await engine.load('b');
    await engine.unload('a');
    gate.resolve();
    expect((await running).outputs[0]!.data[0]).toBe(1);
    expect(engine.metadata('b').versions).toEqual(['2']);
  });

  test('that lack a model say which; that contain each other are refused, not awaited', async () => {
    const repository = new TemporaryRepository()
      .bare('a', probe())
      .bare('orphan', chain('a', 'nobody'))
      .bare('climber', chain('a', '../a'))
      .bare('p', chain('q', 'a'))
      .bare('q', chain('p', 'a'))
      .bare('self', chain('self', 'a'))
      .bare('over', chain('p', 'a'));
    const engine = await repository.open({ backends: { probe: versioned() } });
    expect(reasonOf(engine, 'orphan')).toBe(
      "model 'orphan' version 1: ensemble 'orphan': step 1 needs model 'nobody': unknown model 'nobody': this server has no model of that name",
    );
    expect(reasonOf(engine, 'climber')).toMatch(/step 1 needs model '\.\.\/a': unknown model/);
    expect(reasonOf(engine, 'p')).toBe("model 'p': ensembles contain each other: p -> q -> p");
    expect(reasonOf(engine, 'q')).toBe("model 'q': ensembles contain each other: q -> p -> q");
    expect(reasonOf(engine, 'self')).toBe("model 'self': ensembles contain each other: self -> self");
    expect(reasonOf(engine, 'over')).toMatch(/step 0 needs model 'p': unknown model 'p': no version of it is ready/);
  });
});
