import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { IncomingResponse } from '../../protocol/index.ts';
import { connect, type TritonClient } from '../index.ts';
import { BalancedClient, type BalancedClientOptions } from './client.ts';

const gone = () => new ConchError('SERVER_UNREACHABLE', 'nobody there');
const busy = (retryAfterMs?: number) =>
  new ConchError('SERVER_ERROR', 'full', {
    status: 'UNAVAILABLE',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

/** A server in memory: answers with its name, or fails as told. */
class FakeServer {
  readonly url: string;
  calls = 0;
  probes = 0;
  ready = true;
  /** Thrown by the calls to come, in order. */
  failures: (ConchError | undefined)[] = [];
  down: (() => ConchError) | undefined;
  hold: Promise<void> | undefined;
  timeouts: (number | undefined)[] = [];
  sequences: unknown[] = [];
  loaded: string[] = [];

  constructor(name: string) {
    this.url = `http://${name}`;
  }
  get client(): TritonClient {
    const answer = async (): Promise<IncomingResponse> => {
      this.calls += 1;
      const failure = this.failures.shift() ?? this.down?.();
      if (failure) throw failure;
      await this.hold;
      return { model: this.url, version: '1', outputs: [] };
    };
    const fake: Partial<TritonClient> = {
      url: this.url,
      isReady: async () => {
        this.probes += 1;
        return this.ready;
      },
      infer: (request) => {
        this.timeouts.push(request.timeoutMs);
        this.sequences.push(request.sequence?.id);
        return answer();
      },
      serverMetadata: async () => ({ name: (await answer()).model, version: '', extensions: [] }),
      loadModel: async (name) => {
        if (this.down) throw this.down();
        this.loaded.push(name);
      },
      close: async () => {},
    };
    const server = this;
    return {
      ...fake,
      stream: async function* () {
        yield await answer();
        const failure = server.failures.shift();
        if (failure) throw failure;
        yield { model: 'second', version: '', outputs: [] };
      },
    } as TritonClient;
  }
}

/** Servers, a clock that jumps and a random that is always the same. */
function fixture(names: string, options: Partial<BalancedClientOptions> = {}, randoms: number[] = []) {
  const servers = names.split('').map((name) => new FakeServer(name));
  const sleeps: number[] = [];
  let now = 0;
  const client = new BalancedClient(
    servers.map((server) => server.client),
    {
      timeoutMs: 60_000,
      retry: { retries: 2 },
      balance: {},
      random: () => randoms.shift() ?? 0.5,
      clock: {
        now: () => now,
        sleep: async (milliseconds, signal) => {
          signal?.throwIfAborted();
          sleeps.push(milliseconds);
          now += milliseconds;
        },
      },
      ...options,
    },
  );
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { client, servers, sleeps, pass };
}
const request = { model: 'm', inputs: [] };
/** Lets what was set off beside the calls come to its end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('retries', () => {
  test('wait a random part of a time that doubles', async () => {
    const { client, servers, sleeps } = fixture('a', { retry: { retries: 3, baseMs: 100, maxMs: 300 } }, [1, 0.5, 1]);
    servers[0]!.failures = [gone(), busy(), gone()];
    expect((await client.infer(request)).model).toBe('http://a');
    expect(sleeps).toEqual([100, 100, 300]);
    expect(servers[0]!.calls).toBe(4);
  });

  test('end with the last failure when they are used up', async () => {
    const { client, servers } = fixture('a');
    servers[0]!.down = gone;
    await expect(client.infer(request)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    expect(servers[0]!.calls).toBe(3);
  });

  test('honour Retry-After, unless it is longer than the longest wait or the deadline', async () => {
    const { client, servers, sleeps } = fixture('a', { retry: { retries: 2, baseMs: 10, maxMs: 2000 } });
    servers[0]!.failures = [busy(1000)];
    await client.infer(request);
    expect(sleeps).toEqual([1005]);
    servers[0]!.failures = [busy(3000)];
    await expect(client.infer(request)).rejects.toMatchObject({ retryAfterMs: 3000 });
    servers[0]!.failures = [busy(1000)];
    await expect(client.infer({ ...request, timeoutMs: 900 })).rejects.toMatchObject({ status: 'UNAVAILABLE' });
    expect(sleeps).toEqual([1005]);
  });

  test('have what is left of the deadline', async () => {
    const { client, servers } = fixture('a', { retry: { retries: 2, baseMs: 100 } }, [1]);
    servers[0]!.failures = [gone()];
    await client.infer({ ...request, timeoutMs: 500 });
    expect(servers[0]!.timeouts).toEqual([500, 400]);
  });

  test.each([
    ['a sequence', { sequence: { id: 1, start: true, end: false } }, gone()],
    ['a request that may not be repeated', { idempotent: false }, gone()],
    ['an error of the request', {}, new ConchError('SERVER_ERROR', 'bad', { status: 'INVALID_ARG' })],
    ['a deadline', {}, new ConchError('DEADLINE_EXCEEDED', 'late')],
    ['a cancellation', {}, new ConchError('REQUEST_CANCELLED', 'gone')],
  ])('are not made for %s', async (_, more, failure) => {
    const { client, servers } = fixture('a');
    servers[0]!.failures = [failure];
    await expect(client.infer({ ...request, ...more })).rejects.toBe(failure);
    expect(servers[0]!.calls).toBe(1);
  });

  test('have a budget: when everything fails they stop, and come back with what goes well', async () => {
    const { client, servers } = fixture('a', { retry: { retries: 5, reserve: 4, ratio: 0.5 } });
    const [server] = servers;
    server!.down = gone;
    await expect(client.infer(request)).rejects.toThrow();
    await expect(client.infer(request)).rejects.toThrow();
    // 4 repetitions of the first, none is left for the second.
    expect(server!.calls).toBe(6);
    server!.down = undefined;
    await client.infer(request);
    await client.infer(request);
    server!.failures = [gone()];
    await client.infer(request);
    expect(server!.calls).toBe(10);
  });

  test('end when the caller goes', async () => {
    const controller = new AbortController();
    const { client, servers } = fixture('a', {
      clock: {
        now: () => 0,
        sleep: async (_, signal) => {
          controller.abort();
          signal!.throwIfAborted();
        },
      },
    });
    servers[0]!.down = gone;
    await expect(client.infer({ ...request, signal: controller.signal })).rejects.toMatchObject({
      code: 'REQUEST_CANCELLED',
    });
  });

  test('of a stream only before its first response', async () => {
    const { client, servers } = fixture('a');
    servers[0]!.failures = [gone()];
    const models: string[] = [];
    for await (const { model } of client.stream(request)) models.push(model);
    expect(models).toEqual(['http://a', 'second']);
    servers[0]!.failures = [undefined, gone()];
    const drain = async () => {
      for await (const _ of client.stream(request));
    };
    await expect(drain()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    expect(servers[0]!.calls).toBe(3);
    expect(client.servers[0]!.inFlight).toBe(0);
  });
});

describe('several servers', () => {
  test('of two at random the one with fewer calls under way', async () => {
    const { client, servers } = fixture('abc', {}, [0, 0, 0, 0, 0.99, 0]);
    let release = () => {};
    servers[0]!.hold = new Promise((resolve) => {
      release = resolve;
    });
    const held = client.infer(request); // a before b
    expect(client.servers.map(({ inFlight }) => inFlight)).toEqual([1, 0, 0]);
    expect((await client.infer(request)).model).toBe('http://b'); // a or b
    expect((await client.infer(request)).model).toBe('http://c'); // c or a
    release();
    expect((await held).model).toBe('http://a');
    expect(client.servers.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  });

  test('a call that failed goes to another at once', async () => {
    const { client, servers, sleeps } = fixture('ab', {}, [0, 0]);
    servers[0]!.down = gone;
    expect((await client.infer(request)).model).toBe('http://b');
    servers[0]!.down = () => busy(9000);
    expect((await client.serverMetadata()).name).toBe('http://b');
    expect(sleeps).toEqual([]);
  });

  test('one that cannot be reached is left out, asked after a while, and comes back', async () => {
    const { client, servers, pass } = fixture('ab', { balance: { ejectAfter: 2, ejectMs: 1000 }, random: () => 0 });
    const [a, b] = servers;
    a!.down = gone;
    a!.ready = false;
    for (let call = 0; call < 5; call++) expect((await client.infer(request)).model).toBe('http://b');
    expect([a!.calls, b!.calls]).toEqual([2, 5]);
    expect(client.servers.map(({ ejected }) => ejected)).toEqual([true, false]);
    expect(a!.probes).toBe(0);
    pass(1000);
    await client.infer(request);
    await settle();
    expect([a!.probes, a!.calls]).toEqual([1, 2]);
    // Still not ready: the second time is twice as long.
    pass(1000);
    await client.infer(request);
    await settle();
    expect(a!.probes).toBe(1);
    a!.down = undefined;
    a!.ready = true;
    pass(1000);
    await client.infer(request);
    await settle();
    expect([a!.probes, a!.calls]).toEqual([2, 2]);
    expect((await client.infer(request)).model).toBe('http://a');
  });

  test('one that refuses is left out only when it says that it is not ready', async () => {
    const { client, servers } = fixture('ab', { random: () => 0 });
    const [a] = servers;
    a!.failures = [busy()];
    await client.infer(request);
    await settle();
    expect([a!.probes, client.servers[0]!.ejected]).toEqual([1, false]);
    // Told when to come again, there is nothing to ask.
    a!.failures = [busy(10)];
    await client.infer(request);
    await settle();
    expect(a!.probes).toBe(1);
    const second = fixture('ab', { random: () => 0 });
    second.servers[0]!.failures = [busy()];
    second.servers[0]!.ready = false;
    await second.client.infer(request);
    await settle();
    expect(second.client.servers[0]!.ejected).toBe(true);
  });

  test('when all are out, all are tried', async () => {
    const { client, servers } = fixture('ab', { balance: { ejectAfter: 1 }, random: () => 0 });
    for (const server of servers) server.down = gone;
    await expect(client.infer(request)).rejects.toThrow('nobody there');
    expect(client.servers.every(({ ejected }) => ejected)).toBe(true);
    servers[1]!.down = undefined;
    expect((await client.infer(request)).model).toBe('http://b');
  });

  test('the requests of a sequence go to the one that has it', async () => {
    const randoms = [0, 0, 0.99, 0.99, 0.99, 0.99, 0.99, 0.99];
    const { client, servers } = fixture('ab', {}, randoms);
    const step = (start: boolean, end: boolean) => client.infer({ ...request, sequence: { id: 7, start, end } });
    const first = (await step(true, false)).model;
    for (let index = 0; index < 3; index++) expect((await step(false, index === 2)).model).toBe(first);
    expect((await client.infer({ ...request, sequence: { id: '7', start: true, end: true } })).model).toBe('http://b');
    expect([servers[0]!.calls, servers[1]!.calls]).toEqual([4, 1]);
  });

  test('changes go to all of them, and tell how many failed', async () => {
    const { client, servers } = fixture('abc');
    await client.loadModel('m');
    expect(servers.map(({ loaded }) => loaded)).toEqual([['m'], ['m'], ['m']]);
    servers[1]!.down = gone;
    await expect(client.loadModel('m')).rejects.toThrow('1 of 3 servers failed: nobody there');
    expect(servers.map(({ loaded }) => loaded.length)).toEqual([2, 1, 2]);
  });

  test('are ready when one of them is', async () => {
    const { client, servers } = fixture('ab');
    servers[0]!.ready = false;
    expect(await client.isReady()).toBe(true);
    servers[1]!.ready = false;
    expect(await client.isReady()).toBe(false);
  });
});

describe('over sockets', () => {
  const gateways: Server[] = [];
  afterEach(() => {
    for (const gateway of gateways.splice(0)) gateway.close().closeAllConnections();
  });
  const listen = async (answer: (url: string) => [status: number, headers?: Record<string, string>]) => {
    const gateway = createServer((incoming, response) => {
      const [status, headers = {}] = answer(incoming.url!);
      response.writeHead(status, headers).end('{"name":"n","version":"1","extensions":[]}');
    });
    gateways.push(gateway);
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  };

  test.each([429, 503])('%d with Retry-After is waited for', async (status) => {
    let calls = 0;
    const url = await listen(() => (++calls === 1 ? [status, { 'Retry-After': '1' }] : [200]));
    const sleeps: number[] = [];
    const clock = { now: () => 0, sleep: async (milliseconds: number) => void sleeps.push(milliseconds) };
    const client = connect(url, { retry: 1, clock, random: () => 0 });
    expect(await client.serverMetadata()).toMatchObject({ name: 'n' });
    expect(sleeps).toEqual([1000]);
    await client.close();
  });

  test('a server that is gone costs no call', async () => {
    const alive = await listen(() => [200]);
    const dead = await listen(() => [200]);
    await new Promise((resolve) => gateways.pop()!.close(resolve));
    const client = connect([dead, alive], { random: () => 0 });
    for (let call = 0; call < 10; call++) expect(await client.serverMetadata()).toMatchObject({ name: 'n' });
    expect(client.servers.map(({ ejected }) => ejected)).toEqual([true, false]);
    expect(client.url).toBe(`${dead},${alive}`);
    await client.close();
  });

  test('without an address there is nothing to connect to', () => {
    expect(() => connect([])).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
