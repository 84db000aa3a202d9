import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { createTensor } from '../../tensor/index.ts';
import { holdOutputs, type RegionPart, SharedMemoryRegistry } from './index.ts';

function setUp(allowed = true) {
  const folder = mkdtempSync(join(tmpdir(), 'conch-shm-'));
  writeFileSync(
    join(folder, 'data'),
    Uint8Array.from({ length: 64 }, (_, index) => index),
  );
  const registry = new SharedMemoryRegistry({ allowed, folder });
  onTestFinished(() => {
    registry.close();
    rmSync(folder, { recursive: true });
  });
  return { folder, registry, bytes: () => readFileSync(join(folder, 'data')) };
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConchError) return `${error.status} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const whole = { key: '/data', offset: 0, byteSize: 64 };

test('a region is read and written in place, relative to its offset', () => {
  const { registry, bytes } = setUp();
  registry.registerSystem('r', { key: 'data', offset: 16, byteSize: 32 });
  expect(registry.status('r')).toEqual([{ name: 'r', key: 'data', offset: 16, byte_size: 32 }]);
  expect([...registry.read({ region: 'r', offset: 2, byteSize: 3 })]).toEqual([18, 19, 20]);
  const hold = registry.hold({ region: 'r', offset: 4, byteSize: 2 });
  hold.write(Uint8Array.of(200, 201));
  hold.release();
  expect([...bytes().subarray(19, 23)]).toEqual([19, 200, 201, 22]);
});

test('parts outside the region and unknown regions are refused', () => {
  const { registry } = setUp();
  registry.registerSystem('r', { key: 'data', offset: 16, byteSize: 32 });
  expect(refusal(() => registry.read({ region: 'r', offset: 30, byteSize: 3 }))).toBe(
    "INVALID_ARG shared memory region 'r' has 32 bytes; offset 30 and byte size 3 reach beyond",
  );
  expect(refusal(() => registry.hold({ region: 'x', offset: 0, byteSize: 1 }))).toBe(
    "NOT_FOUND no shared memory region 'x' is registered",
  );
  expect(refusal(() => registry.status('x'))).toMatch(/^NOT_FOUND/);
});

test.each([
  ['../data', 'INVALID_ARG shared memory key "../data": it may have no \'/\' but at its start'],
  ['/..', 'INVALID_ARG shared memory key "/..": it may have no \'/\' but at its start'],
  ['//', 'INVALID_ARG shared memory key "//": it names no object'],
  ['a\0b', 'INVALID_ARG shared memory key "a\\u0000b": it is no file name'],
  ['/triton_python_backend_shm_region_1', /^INVALID_ARG .* it belongs to a model's own processes$/],
  ['none', "INTERNAL shared memory object 'none' cannot be opened: ENOENT"],
  ['link', "INTERNAL shared memory object 'link' cannot be opened: ELOOP"],
  ['folder', "INTERNAL shared memory object 'folder' cannot be opened: EISDIR"],
])('key %j leads nowhere', (key, message) => {
  const { registry, folder } = setUp();
  symlinkSync(join(folder, 'data'), join(folder, 'link'));
  mkdirSync(join(folder, 'folder'));
  expect(refusal(() => registry.registerSystem('r', { ...whole, key }))).toEqual(
    typeof message === 'string' ? message : expect.stringMatching(message),
  );
  expect(registry.status()).toEqual([]);
});

test('names and sizes are checked at registration', () => {
  const { registry } = setUp();
  registry.registerSystem('r', whole);
  expect(refusal(() => registry.registerSystem('r', whole))).toBe(
    "ALREADY_EXISTS shared memory region 'r' is registered already",
  );
  expect(refusal(() => registry.registerSystem('s', { ...whole, offset: 8 }))).toBe(
    "INVALID_ARG shared memory object '/data' has 64 bytes; offset 8 and byte_size 64 reach beyond",
  );
  expect(refusal(() => registry.registerSystem('s', { ...whole, byteSize: 0 }))).toBe(
    "INVALID_ARG 'byte_size' must be above 0, got 0",
  );
});

test('a region that requests hold goes when the last of them is done', () => {
  const { registry, bytes } = setUp();
  registry.registerSystem('r', whole);
  const part = { region: 'r', offset: 0, byteSize: 1 };
  const [first, second] = [registry.hold(part), registry.hold(part)];
  registry.unregister('r');
  expect(registry.status().map(({ name }) => name)).toEqual(['r']);
  expect(refusal(() => registry.hold(part))).toMatch(/^NOT_FOUND/);
  first.release();
  first.release();
  second.write(Uint8Array.of(99));
  second.release();
  expect([registry.status(), bytes()[0]]).toEqual([[], 99]);
  registry.unregister('r');
  registry.registerSystem('r', whole);
  registry.unregisterAll();
  expect(registry.status()).toEqual([]);
});

test('an object that has become shorter is neither read beyond its end nor made longer', () => {
  const { registry, folder, bytes } = setUp();
  registry.registerSystem('r', whole);
  truncateSync(join(folder, 'data'), 8);
  const message = "INVALID_ARG shared memory object '/data' is shorter than when it was registered";
  expect(refusal(() => registry.read({ region: 'r', offset: 0, byteSize: 16 }))).toBe(message);
  const hold = registry.hold({ region: 'r', offset: 0, byteSize: 16 });
  expect(refusal(() => hold.write(new Uint8Array(16)))).toBe(message);
  expect(bytes().length).toBe(8);
});

test('outputs go to their places, or fail where those are too small', () => {
  const { registry, bytes } = setUp();
  registry.registerSystem('r', whole);
  const places = new Map<string, RegionPart | string>([
    ['y', { region: 'r', offset: 8, byteSize: 4 }],
    ['z', 'json'],
  ]);
  const held = holdOutputs(registry, places)!;
  held.write([
    createTensor('y', 'UINT8', [4], Uint8Array.of(7, 7, 7, 7)),
    createTensor('z', 'UINT8', [1], new Uint8Array(1)),
  ]);
  expect([...bytes().subarray(7, 13)]).toEqual([7, 7, 7, 7, 7, 12]);
  expect(refusal(() => held.write([createTensor('y', 'UINT8', [5], new Uint8Array(5))]))).toBe(
    "INTERNAL output 'y' has 5 bytes, its place in shared memory region 'r' has 4",
  );
  held.release();
  expect(holdOutputs(registry, 'json')).toBeUndefined();
  const broken = new Map([...places]).set('w', { region: 'none', offset: 0, byteSize: 1 });
  expect(refusal(() => holdOutputs(registry, broken))).toMatch(/^NOT_FOUND/);
  registry.unregister('r');
  expect(registry.status()).toEqual([]);
});

test('without --allow-client-shm nothing can be registered; CUDA memory never can', () => {
  const { registry } = setUp(false);
  const message =
    'UNSUPPORTED shared memory with clients is switched off: the server was started without --allow-client-shm=true';
  for (const call of [
    () => registry.registerSystem('r', whole),
    () => registry.unregister('r'),
    () => registry.unregisterAll(),
    () => registry.registerCuda('r'),
  ]) {
    expect(refusal(call)).toBe(message);
  }
  expect(registry.status()).toEqual([]);
  const { registry: open } = setUp();
  expect(refusal(() => open.registerCuda('c'))).toBe(
    "INVALID_ARG CUDA shared memory region 'c': this server runs without a GPU",
  );
  open.registerSystem('r', whole);
  expect(refusal(() => open.cudaStatus('r'))).toBe(
    "NOT_FOUND shared memory region 'r' is a system region, not a CUDA one",
  );
  expect(open.cudaStatus()).toEqual([]);
});
