import { beforeEach, expect, test } from 'vitest';
import { Circuit, type Fault } from './circuit.ts';

let now = 0;
beforeEach(() => {
  now = 0;
});
const circuit = (options = {}) => new Circuit({ now: () => now, ...options });
const fail = (one: Circuit, fault: Fault, times = 1, spare = false) => {
  for (let index = 0; index < times; index++) {
    one.sent();
    one.failed(fault, spare);
  }
};
const succeed = (one: Circuit, times = 1) => {
  for (let index = 0; index < times; index++) {
    one.sent();
    one.succeeded();
  }
};

test('opens after failures in a row, and only then', () => {
  const one = circuit();
  fail(one, 'unreachable', 4);
  succeed(one);
  fail(one, 'unreachable', 4);
  expect(one.state).toBe('closed');
  fail(one, 'unreachable');
  expect([one.state, one.allows, one.fault, one.waitMs, one.opened]).toEqual(['open', false, 'unreachable', 1000, 1]);
});

test('opens when a share of many requests fails, within the last seconds', () => {
  const one = circuit();
  const mixed = () => {
    fail(one, 'failing');
    succeed(one);
  };
  for (let index = 0; index < 9; index++) mixed();
  expect(one.state).toBe('closed');
  // What is older than ten seconds does not count.
  now = 11_000;
  for (let index = 0; index < 9; index++) mixed();
  expect(one.state).toBe('closed');
  mixed();
  fail(one, 'failing');
  expect(one.state).toBe('open');
});

test('one request tries it after a while; each failure doubles the wait, a success ends it', () => {
  const one = circuit();
  fail(one, 'unreachable', 5);
  now = 999;
  expect(one.allows).toBe(false);
  now = 1000;
  expect([one.state, one.allows]).toEqual(['half-open', true]);
  one.sent();
  expect(one.allows).toBe(false);
  one.failed('unreachable');
  expect([one.state, one.waitMs]).toEqual(['open', 2000]);
  now += 2000;
  one.sent();
  one.abandoned();
  expect(one.allows).toBe(true);
  succeed(one);
  expect([one.state, one.waitMs]).toEqual(['closed', 0]);
  fail(one, 'unreachable', 5);
  expect(one.waitMs).toBe(1000);
});

test('the wait has an end', () => {
  const one = circuit();
  fail(one, 'unreachable', 5);
  for (let index = 0; index < 20; index++) {
    now += one.waitMs;
    fail(one, 'unreachable');
  }
  expect(one.waitMs).toBe(30_000);
});

test('what was under way when it opened changes nothing', () => {
  const one = circuit();
  for (let index = 0; index < 8; index++) one.sent();
  for (let index = 0; index < 8; index++) one.failed('unreachable');
  expect([one.opened, one.waitMs]).toEqual([1, 1000]);
});

test('a server that fails is not left out while no other would take its requests; one that is gone is', () => {
  const one = circuit();
  fail(one, 'failing', 50, true);
  expect(one.state).toBe('closed');
  fail(one, 'unreachable', 1, true);
  expect(one.state).toBe('open');
});

test('being reachable again closes it, unless it was left out for failing', () => {
  const gone = circuit();
  fail(gone, 'unreachable', 5);
  gone.reachable();
  expect(gone.state).toBe('closed');
  const failing = circuit();
  fail(failing, 'failing', 5);
  failing.reachable();
  expect(failing.state).toBe('open');
});
