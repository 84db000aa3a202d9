import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberToBfloat16, numberToHalf } from '../tensor/index.ts';
import { asFloat32, openSafetensors } from './index.ts';

let dir: string;
let path: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-safetensors-'));
  path = join(dir, 'model.safetensors');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function file(header: unknown, data: Uint8Array | number = 0, length?: number | bigint): Promise<string> {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length ?? text.length));
  await writeFile(path, Buffer.concat([size, text, typeof data === 'number' ? new Uint8Array(data) : data]));
  return path;
}

const f32 = (from: number, to: number, shape: number[]) => ({ dtype: 'F32', shape, data_offsets: [from, to] });

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk)); // a copy: chunks are reused
  return Buffer.concat(parts);
}

test('tensors, metadata, empty tensors and scalars', async () => {
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7).buffer);
  const header = {
    b: f32(24, 28, []),
    a: f32(0, 24, [2, 3]),
    none: { dtype: 'F8_E4M3', shape: [0, 4], data_offsets: [24, 24] },
    __metadata__: { format: 'pt' },
  };
  const opened = await openSafetensors(await file(`${JSON.stringify(header)}   `, data));
  expect(opened.metadata).toEqual({ format: 'pt' });
  expect([...opened.tensors.keys()]).toEqual(['a', 'none', 'b']);
  expect(opened.tensors.get('a')).toMatchObject({ dtype: 'F32', datatype: 'FP32', shape: [2, 3], bytes: 24 });
  expect(opened.tensors.get('none')).toMatchObject({ datatype: undefined, bytes: 0 });
  expect(await bytesOf(opened.read('a'))).toEqual(Buffer.from(data.subarray(0, 24)));
  expect((await bytesOf(opened.read('none'))).length).toBe(0);
  expect(() => opened.read('c')).toThrow(`${path}: there is no tensor 'c'`);
});

test('large tensors come in chunks of 1 MiB', async () => {
  const data = new Uint8Array((5 << 19) + 4).map((_, index) => index % 251);
  const opened = await openSafetensors(await file({ w: f32(0, data.length, [data.length / 4]) }, data));
  const sizes: number[] = [];
  for await (const chunk of opened.read('w')) sizes.push(chunk.length);
  expect(sizes).toEqual([1 << 20, 1 << 20, (1 << 19) + 4]);
  expect(await bytesOf(opened.read('w'))).toEqual(Buffer.from(data));
});

test('halves, bfloat16 and doubles become FP32', async () => {
  const numbers = [0, -1.5, 65504, 2 ** -24, 3.140625, Number.POSITIVE_INFINITY];
  const sources = {
    F16: Uint16Array.from(numbers, numberToHalf),
    BF16: Uint16Array.from(numbers, numberToBfloat16),
    F64: Float64Array.from(numbers),
    F32: Float32Array.from(numbers),
  };
  for (const [dtype, values] of Object.entries(sources)) {
    const data = new Uint8Array(values.buffer);
    const header = { x: { dtype, shape: [numbers.length], data_offsets: [0, data.length] } };
    const opened = await openSafetensors(await file(header, data));
    const floats = await bytesOf(asFloat32(opened.tensors.get('x')!, opened.read('x')));
    const expected = dtype === 'BF16' ? [0, -1.5, 65536, 2 ** -24, 3.140625, Number.POSITIVE_INFINITY] : numbers;
    expect(numbers.map((_, index) => floats.readFloatLE(4 * index))).toEqual(expected);
  }
});

test('integers are no weights', async () => {
  const header = { 'emb.position_ids': { dtype: 'I64', shape: [1], data_offsets: [0, 8] } };
  const opened = await openSafetensors(await file(header, 8));
  const tensor = opened.tensors.get('emb.position_ids')!;
  expect(() => asFloat32(tensor, opened.read(tensor.name))).toThrow(
    `${path}: tensor 'emb.position_ids' is I64; weights of F32, F16, BF16, F64 can be compiled`,
  );
});

test.each<[string, () => Promise<string>, string]>([
  ['empty file', () => writeFile(path, '').then(() => path), '0 bytes are too few for a safetensors file'],
  ['LFS pointer', () => writeFile(path, 'version https://git-lfs...').then(() => path), 'this is a Git LFS pointer'],
  [
    'zip',
    () => writeFile(path, 'PK\u0003\u0004........').then(() => path),
    'this is a zip archive (as torch.save writes)',
  ],
  [
    'header longer than the file',
    () => file({}, 0, 999),
    'the header announces 999 bytes but the file has 2 left; it is truncated',
  ],
  [
    'header of 2^63 bytes',
    () => file({}, 0, 2n ** 63n),
    'the header announces 9223372036854775808 bytes; the format allows 100000000',
  ],
  ['not JSON', () => file('{"a":'), 'the header is not JSON'],
  ['not an object', () => file('[1]'), 'the header is not a JSON object'],
  ['null', () => file('null'), 'the header is not a JSON object'],
  ['not UTF-8', () => file('{"\u00e9":0}', 0, 3), 'the header is not UTF-8'],
  [
    'a key twice',
    () =>
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
    "'a' stands twice in the header",
  ],
  [
    'a field twice',
    () => file('{"a":{"dtype":"F32","dtype":"F16","shape":[],"data_offsets":[0,4]}}', 4),
    "'dtype' stands twice in the header",
  ],
  ['metadata of numbers', () => file({ __metadata__: { a: 1 } }), '__metadata__ must map names to strings'],
  ['tensor is null', () => file({ a: null }), "tensor 'a': dtype is undefined; the format knows F4, "],
  [
    'unknown dtype',
    () => file({ a: { dtype: 'F33', shape: [], data_offsets: [0, 4] } }, 4),
    'tensor \'a\': dtype is "F33"',
  ],
  [
    'negative shape',
    () => file({ a: f32(0, 4, [-1]) }, 4),
    "tensor 'a': shape is [-1]; it must be a list of integers from 0 on",
  ],
  [
    'fractional offset',
    () => file({ a: { ...f32(0, 4, [1]), data_offsets: [0.5, 4] } }, 4),
    "tensor 'a': data_offsets is [0.5,4]",
  ],
  [
    'begin after end',
    () => file({ a: f32(8, 4, [1]) }, 8),
    "tensor 'a': data_offsets is [8,4]; it must be [begin, end] with begin <= end",
  ],
  [
    'wrong length',
    () => file({ a: f32(0, 8, [3]) }, 8),
    "tensor 'a': shape [3] of F32 takes 12 bytes, data_offsets [0,8] hold 8",
  ],
  [
    'shape whose product overflows',
    () => file({ a: f32(0, 8, [2 ** 31, 2 ** 31, 2 ** 31]) }, 8),
    "tensor 'a': shape [2147483648,2147483648,2147483648] of F32 takes",
  ],
  [
    'overlap',
    () => file({ a: f32(0, 8, [2]), b: f32(4, 12, [2]) }, 12),
    "tensor 'b' starts at byte 4 and overlaps 'a'",
  ],
  [
    'the same bytes twice',
    () => file({ a: f32(0, 8, [2]), b: f32(0, 8, [2]) }, 8),
    "tensor 'b' starts at byte 0 and overlaps 'a'",
  ],
  [
    'gap',
    () => file({ a: f32(0, 4, [1]), b: f32(8, 12, [1]) }, 12),
    "tensor 'b' starts at byte 8 and leaves a gap of 4 bytes",
  ],
  ['out of the file', () => file({ a: f32(0, 4, [1]), b: f32(4, 12, [2]) }, 8), "tensor 'b' ends at byte"],
  ['rest', () => file({ a: f32(0, 4, [1]) }, 6), '2 bytes follow the last tensor; the format allows none'],
])('refused: %s', async (_, make, problem) => {
  const error = await openSafetensors(await make()).catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'ConchError', code: 'SAFETENSORS_INVALID', where: { file: path } });
  expect(error.message).toContain(`${path}: `);
  expect(error.message).toContain(problem);
});

test('a file cut while it is read', async () => {
  const opened = await openSafetensors(await file({ a: f32(0, 4 << 20, [1 << 20]) }, 4 << 20));
  const chunks = opened.read('a')[Symbol.asyncIterator]();
  await chunks.next();
  await truncate(path, 1 << 20);
  const rest = async () => {
    for (let step = await chunks.next(); !step.done; step = await chunks.next());
  };
  await expect(rest()).rejects.toThrow(`${path}: the file became shorter while it was read`);
});

test('no file', async () => {
  await expect(openSafetensors(join(dir, 'none'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
});

test('whatever the header says, the answer is a file or SAFETENSORS_INVALID', async () => {
  const size = fc.oneof(fc.integer({ min: -1, max: 12 }), fc.constantFrom(2 ** 53, 1e300, 0.5));
  const tensor = fc.record({
    dtype: fc.constantFrom('F32', 'F16', 'F4', 'X'),
    shape: fc.array(size, { maxLength: 3 }),
    data_offsets: fc.array(size, { maxLength: 3 }),
  });
  const header = fc.oneof(
    fc.dictionary(fc.constantFrom('a', 'b', '__metadata__', '__proto__'), fc.oneof(tensor, fc.jsonValue())),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(header, fc.nat(16), async (content, data) => {
      const error = await openSafetensors(await file(content, data)).then(
        () => undefined,
        (thrown) => thrown,
      );
      if (error !== undefined) expect(error).toMatchObject({ code: 'SAFETENSORS_INVALID' });
    }),
    { numRuns: 300 },
  );
});

test('a key of many megabytes or with every kind of escape is no trouble', async () => {
  const tensor = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  const long = 'x'.repeat(20 << 20);
  expect([...(await openSafetensors(await file(`{"${long}":${tensor}}`))).tensors.keys()]).toEqual([long]);
  const escaped = await openSafetensors(await file(`{"a\\\\":${tensor},"\\"a\\":":${tensor},"{":${tensor}}`));
  expect([...escaped.tensors.keys()].sort()).toEqual(['"a":', 'a\\', '{']);
});

test('a folder or a pipe in place of the file is refused without opening it', async () => {
  const folder = join(dir, 'folder.safetensors');
  await mkdir(folder);
  await expect(openSafetensors(folder)).rejects.toMatchObject({
    code: 'SAFETENSORS_INVALID',
    message: `${folder}: expected a file, found a folder`,
    fix: 'put the weights there as a regular file',
  });
  const pipe = join(dir, 'pipe.safetensors');
  execFileSync('mkfifo', [pipe]);
  await expect(openSafetensors(pipe)).rejects.toThrow(`${pipe}: expected a file, found a pipe or device`);
});
