import { describe, expect, test } from 'vitest';
import { ConchError, createLogger } from '../base/index.ts';
import { InstancePool } from './instances.ts';
import type { AdmittedRequest, Outcome } from './request.ts';
import { PendingRequest } from './request.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { deferred, noServer, ProbeBackend, type ProbeOptions } from './testing/probe.ts';

const request: AdmittedRequest = {
  inputs: [{ name: 'a', datatype: 'FP32', shape: [1], data: Float32Array.of(1) }],
  outputs: ['b'],
  context: {},
  batchSize: 0,
  rows: 1,
  likeness: '',
  bytes: 4,
  priority: 0,
  timeoutMicroseconds: 0,
  signal: undefined,
};
const source = {
  name: 'm',
  version: 1,
  config: {},
  dir: '',
  files: [],
  threads: 1,
  logger: createLogger('silent'),
  server: noServer,
};
const lost = new ConchError('EXECUTION_FAILED', 'out of memory');

async function start(options: ProbeOptions & { prepare?: () => Promise<void> } = {}) {
  const backend = new ProbeBackend(options);
  const clock = new FakeClock();
  const deaths: ConchError[] = [];
  const loaded = await backend.load(source);
  const pool = await InstancePool.start({
    model: 'm',
    loaded,
    decoupled: options.respond !== undefined,
    prepare: options.prepare ?? (async () => {}),
    onExecution: () => {},
    onDead: (error) => deaths.push(error),
    clock,
    logger: source.logger,
  });
  const run = (): Promise<Outcome> =>
    new Promise((resolve, reject) => pool.execute([new PendingRequest(request, clock.now(), resolve, reject)]));
  return { backend, clock, pool, deaths, run };
}

/** Lets the promises at hand settle. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a dead instance', () => {
  test('is started anew, and the others go on', async () => {
    const { backend, clock, pool, run } = await start({ facts: { instances: 2 } });
    const [first] = backend.instances;
    first!.lose(lost);
    expect(pool.available).toBe(true);
    await run();
    expect(backend.instances[1]!.batches.length).toBe(1);
    clock.advance(0);
    await turn();
    expect(backend.instances.map(({ name }) => name)).toEqual(['m_0', 'm_1', 'm_0']);
    await run();
    expect(backend.instances[2]!.batches.length).toBe(1);
    expect(pool.healthy).toBe(true);
  });

  test('tells the scheduler when it is back', async () => {
    const { backend, clock, pool } = await start();
    let calls = 0;
    pool.onAvailable = () => {
      calls += 1;
    };
    backend.instances[0]!.lose(lost);
    expect(pool.available).toBe(false);
    clock.advance(0);
    await turn();
    expect(pool.available).toBe(true);
    expect(calls).toBe(1);
  });

  test('fails only the batch it held', async () => {
    const gate = deferred();
    let held = true;
    const { backend, run } = await start({
      facts: { instances: 2 },
      answer: async ({ inputs }) => {
        if (held) {
          held = false;
          await gate.promise;
        }
        return [{ ...inputs[0]!, name: 'b' }];
      },
    });
    const first = run();
    const second = run();
    backend.instances[0]!.lose(lost);
    gate.reject(lost);
    await expect(first).rejects.toBe(lost);
    expect((await second).outputs[0]!.name).toBe('b');
  });

  test('that dies again and again without finishing anything stays down, with waits in between', async () => {
    const { backend, clock, pool, deaths } = await start();
    for (const wait of [0, 100, 1000]) {
      backend.instances.at(-1)!.lose(lost);
      clock.advance(wait - 1);
      await turn();
      expect(pool.available).toBe(false);
      clock.advance(1);
      await turn();
      expect(pool.available).toBe(true);
    }
    expect(deaths).toEqual([]);
    backend.instances.at(-1)!.lose(lost);
    clock.advance(1e6);
    await turn();
    expect(backend.instances.length).toBe(4);
    expect(pool.healthy).toBe(false);
    expect(deaths).toMatchObject([
      {
        code: 'MODEL_NOT_READY',
        status: 'UNAVAILABLE',
        message: "model 'm': all its instances died, the last with: out of memory",
      },
    ]);
  });

  test('that finished a batch in between has all its restarts before it', async () => {
    const { backend, clock, pool, run } = await start();
    for (let round = 0; round < 10; round++) {
      backend.instances.at(-1)!.lose(lost);
      clock.advance(0);
      await turn();
      await run();
    }
    expect(pool.healthy).toBe(true);
  });

  test('whose restart fails is tried again, and its start-up failures count', async () => {
    let broken = false;
    const { backend, clock, pool, deaths } = await start({
      onCreate: () => {
        if (broken) throw new ConchError('MODEL_LOAD_FAILED', 'no memory');
      },
    });
    broken = true;
    backend.instances[0]!.lose(lost);
    for (const wait of [0, 100]) {
      clock.advance(wait);
      await turn();
    }
    expect(pool.healthy).toBe(true);
    clock.advance(1000);
    await turn();
    expect(pool.healthy).toBe(false);
    expect(deaths[0]!.message).toBe("model 'm': all its instances died, the last with: no memory");
  });

  test('warms up again before it takes requests', async () => {
    const gate = deferred();
    let warmups = 0;
    const { backend, clock, pool } = await start({
      prepare: async () => {
        warmups += 1;
        if (warmups === 2) await gate.promise;
      },
    });
    backend.instances[0]!.lose(lost);
    clock.advance(0);
    await turn();
    expect(pool.available).toBe(false);
    gate.resolve();
    await turn();
    expect(pool.available).toBe(true);
  });
});

describe('closing', () => {
  test('frees every instance and the model, once', async () => {
    const { backend, pool } = await start({ facts: { instances: 3 } });
    await Promise.all([pool.close(lost), pool.close(lost)]);
    expect(backend.instances.map(({ closed }) => closed)).toEqual([true, true, true]);
    expect(backend.closes).toBe(1);
  });

  test('fails what runs, and ignores what comes of it later', async () => {
    const gate = deferred();
    let gated = false;
    const { pool, run } = await start({
      answer: async ({ inputs }) => {
        if (gated) await gate.promise;
        return [inputs[0]!];
      },
    });
    gated = true;
    const result = run();
    await pool.close(new ConchError('SERVER_STOPPING', 'enough'));
    await expect(result).rejects.toMatchObject({ code: 'SERVER_STOPPING', message: 'enough' });
    gate.resolve();
    await turn();
  });

  test('starts nothing any more, and closes what a restart under way brings', async () => {
    const gate = deferred();
    let created = 0;
    const { backend, clock, pool } = await start({
      onCreate: async () => {
        created += 1;
        if (created === 2) await gate.promise;
      },
    });
    backend.instances[0]!.lose(lost);
    clock.advance(0);
    await turn();
    const closed = pool.close(lost);
    gate.resolve();
    await closed;
    expect(backend.instances.map(({ closed }) => closed)).toEqual([false, true]);
  });
});

test('one instance that cannot start takes the others with it', async () => {
  const backend = new ProbeBackend({
    facts: { instances: 3 },
    onCreate: (name) => {
      if (name === 'm_1') throw new ConchError('MODEL_LOAD_FAILED', 'no room');
    },
  });
  const options = {
    model: 'm',
    decoupled: false,
    prepare: async () => {},
    onExecution: () => {},
    onDead: () => {},
    clock: new FakeClock(),
    logger: source.logger,
  };
  await expect(InstancePool.start({ ...options, loaded: await backend.load(source) })).rejects.toThrow('no room');
  expect(backend.instances.map(({ closed }) => closed)).toEqual([true, true]);
  expect(backend.closes).toBe(1);
});

test('a backend that answers another number of requests is at fault, not the client', async () => {
  const { pool } = await start();
  const failed = new Promise((_, reject) => {
    const backend = {
      run: async () => ({ responses: [], computeInput: 0, computeInfer: 0, computeOutput: 0 }),
      close: async () => {},
    };
    void InstancePool.start({
      model: 'm',
      loaded: {
        facts: { instances: 1, concurrency: 1, inline: true, padded: true },
        createInstance: async () => backend,
        close: async () => {},
      },
      decoupled: false,
      prepare: async () => {},
      onExecution: () => {},
      onDead: () => {},
      clock: new FakeClock(),
      logger: source.logger,
    }).then((silent) => silent.execute([new PendingRequest(request, 0, () => {}, reject)]));
  });
  await expect(failed).rejects.toThrow("model 'm': 0 responses to 1 requests");
  await pool.close(lost);
});

describe('lanes', () => {
  test('a batch goes to the instance that was chosen, which says when it dies and when there is a new one', async () => {
    const held = deferred();
    const { backend, clock, pool } = await start({
      facts: { instances: 2 },
      answer: async () => {
        await held.promise;
        return [];
      },
    });
    const [, second] = pool.lanes;
    const said: string[] = [];
    second!.onAvailable = () => said.push('available');
    second!.onLost = ({ message }) => said.push(`lost: ${message}`);
    second!.onRestored = () => said.push('restored');
    const outcome = new Promise((resolve, reject) =>
      second!.execute([new PendingRequest(request, clock.now(), resolve, reject)]),
    );
    expect(backend.instances.map(({ batches }) => batches.length)).toEqual([0, 1]);
    expect([second!.alive, second!.idle, second!.available]).toEqual([true, false, false]);
    held.resolve();
    await outcome;
    await turn();
    expect([second!.idle, second!.available, said]).toEqual([true, true, ['available']]);
    backend.instances[1]!.lose(lost);
    expect([second!.alive, second!.available]).toEqual([false, false]);
    clock.advance(0);
    await turn();
    expect(said).toEqual(['available', 'lost: out of memory', 'restored', 'available']);
    expect(second!.alive).toBe(true);
  });
});
