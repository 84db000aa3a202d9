import { expect, test } from 'vitest';
import { toInteger } from '../config/index.ts';
import { all, ask, probe, rows } from './testing/models.ts';
import { deferred, ProbeBackend, type ProbeOptions } from './testing/probe.ts';
import { fp32, TemporaryRepository } from './testing/repository.ts';

const group = (count: number, more = '') => probe(`instance_group { kind: KIND_CPU count: ${count} } ${more}`);
/** A backend that makes as many instances as the first group says, also later. */
const resizable = (options: ProbeOptions = {}) =>
  new ProbeBackend({ resize: ({ instance_group: groups }) => toInteger(groups?.[0]?.count), ...options });
const open = (backend: ProbeBackend) => backend.instances.filter((instance) => !instance.closed).length;

test('more instances start, and fewer go, without the version being loaded again', async () => {
  const backend = resizable();
  const repository = new TemporaryRepository().bare('m', group(1));
  const engine = await repository.open({ backends: { probe: backend } });
  await ask(engine, 'm');
  repository.config('m', group(3));
  await engine.load('m');
  expect([open(backend), engine.config('m').instance_group![0]!.count]).toEqual([3, 3]);
  repository.config('m', group(2));
  await engine.load('m');
  await expect.poll(() => open(backend)).toBe(2);
  expect(backend.loads).toEqual(['m/1']);
  expect(engine.statistics('m')[0]!.inference_count).toBe(1);
  await ask(engine, 'm');
  await engine.unload('m');
  await expect.poll(() => open(backend)).toBe(0);
});

test('an instance that goes finishes what it has first, and a new one takes what waits', async () => {
  const gate = deferred();
  const backend = resizable({
    facts: { instances: 2 },
    answer: async ({ inputs, outputs }) => {
      if (inputs[0]!.data[0] === 7) await gate.promise;
      return outputs.map((name) => ({ ...inputs[0]!, name }));
    },
  });
  const repository = new TemporaryRepository().bare('m', group(2));
  const engine = await repository.open({ backends: { probe: backend } });
  const seven = { model: 'm', inputs: [fp32('x', [1, 1], [7])] };
  const slow = [engine.infer(seven), engine.infer(seven)];
  const waiting = ask(engine, 'm');
  repository.config('m', group(3));
  await engine.load('m');
  expect((await waiting).outputs[0]!.data[0]).toBe(1);
  repository.config('m', group(1));
  await engine.load('m');
  expect(backend.instances.map(({ closed }) => closed)).toEqual([false, false, true]);
  gate.resolve();
  for (const { outputs } of await Promise.all(slow)) expect(outputs[0]!.data[0]).toBe(7);
  await expect.poll(() => backend.instances.map(({ closed }) => closed)).toEqual([false, true, true]);
});

test('when a new instance does not start everything stays as it was', async () => {
  const backend = resizable({
    onCreate: (name) => {
      if (name === 'm_2') throw new Error('no room');
    },
  });
  const repository = new TemporaryRepository().bare('m', group(1));
  const engine = await repository.open({ backends: { probe: backend } });
  repository.config('m', group(3));
  await expect(engine.load('m')).rejects.toThrow("model 'm': no room");
  expect([open(backend), engine.config('m').instance_group![0]!.count]).toEqual([1, 1]);
  await ask(engine, 'm');
});

test('another choice of versions loads and unloads only those that it concerns', async () => {
  const backend = resizable();
  const repository = new TemporaryRepository().bare('m', group(1, all), [1, 2]).bare('m', group(1, all), [3]);
  const engine = await repository.open({ backends: { probe: backend } });
  expect(backend.loads).toEqual(['m/1', 'm/2', 'm/3']);
  repository.config('m', group(1, 'version_policy { specific { versions: [ 1, 2 ] } }'));
  await engine.load('m');
  await expect.poll(() => rows(engine)).toEqual(['m 1 READY', 'm 2 READY', 'm 3 UNAVAILABLE']);
  repository.config('m', group(1, 'version_policy { specific { versions: [ 2, 3 ] } }'));
  await engine.load('m');
  await expect.poll(() => rows(engine)).toEqual(['m 1 UNAVAILABLE', 'm 2 READY', 'm 3 READY']);
  expect(backend.loads).toEqual(['m/1', 'm/2', 'm/3', 'm/3']);
});

test('anything else is a load of its own: another setting, another file, a backend that cannot', async () => {
  const backend = resizable();
  const repository = new TemporaryRepository().bare('m', group(1));
  const engine = await repository.open({ backends: { probe: backend } });
  repository.config('m', group(1).replace('max_batch_size: 8', 'max_batch_size: 4'));
  await engine.load('m');
  repository.config('m', group(2).replace('max_batch_size: 8', 'max_batch_size: 4')).write('m/labels.txt', 'x');
  await engine.load('m');
  expect(backend.loads).toEqual(['m/1', 'm/1', 'm/1']);
  const fixed = new ProbeBackend();
  const other = new TemporaryRepository().bare('m', group(1));
  const second = await other.open({ backends: { probe: fixed } });
  other.config('m', group(2));
  await second.load('m');
  expect(fixed.loads).toEqual(['m/1', 'm/1']);
});
