import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bfloat16ToNumber, halfToNumber } from '../../tensor/index.ts';
import type { WeightsFile } from '../weights-file.ts';
import { openPytorchWeights } from './open.ts';
import { fuzzWeights } from './testing/fuzz.ts';
import {
  archive,
  bytes,
  call,
  dictionary,
  global,
  int64,
  integer,
  list,
  pickle,
  storage,
  stream,
  tensor,
  text,
  tuple,
  uint32,
} from './testing/pickles.ts';

// Made by test/fixtures/pytorch/make.py with torch 2.
const fixtures = join(import.meta.dirname, '../../../test/fixtures/pytorch');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-pytorch-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function open(content: Buffer | string): Promise<WeightsFile> {
  const path = join(dir, 'pytorch_model.bin');
  await writeFile(path, content);
  return openPytorchWeights(path);
}

const decoders: Readonly<Record<string, (data: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  F32: (data) => new Float32Array(data),
  F64: (data) => new Float64Array(data),
  F16: (data) => Array.from(new Uint16Array(data), halfToNumber),
  BF16: (data) => Array.from(new Uint16Array(data), bfloat16ToNumber),
  I64: (data) => new BigInt64Array(data),
  I32: (data) => new Int32Array(data),
  I16: (data) => new Int16Array(data),
  I8: (data) => new Int8Array(data),
  U8: (data) => new Uint8Array(data),
  BOOL: (data) => new Uint8Array(data),
  U16: (data) => new Uint16Array(data),
};

async function values(file: WeightsFile, name: string): Promise<number[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.read(name)) chunks.push(Buffer.from(chunk));
  const data = Uint8Array.from(Buffer.concat(chunks)).buffer;
  return Array.from(decoders[file.tensors.get(name)!.dtype]!(data), Number);
}

describe.each(['zip', 'stream'])('the %s format', (form) => {
  test('views, shared storages and every type come as PyTorch sees them', async () => {
    const file = await openPytorchWeights(join(fixtures, `views-${form}.bin`));
    const expected = JSON.parse(await readFile(join(fixtures, 'views.json'), 'utf8'));
    expect([...file.tensors.keys()]).toEqual(Object.keys(expected));
    for (const [name, { shape, values: wanted }] of Object.entries<{ shape: number[]; values: number[] }>(expected)) {
      expect(file.tensors.get(name)?.shape, name).toEqual(shape);
      const got = await values(file, name);
      expect(got, name).toEqual(name === 'float64' ? wanted.map((value) => expect.closeTo(value, 5)) : wanted);
    }
    expect(file.tensors.get('bfloat16')).toMatchObject({ dtype: 'BF16', datatype: 'BF16', bytes: 16 });
  });

  test('protocol 4 of pickle', async () => {
    expect(await values(await openPytorchWeights(join(fixtures, `protocol4-${form}.bin`)), 'a')).toEqual([1, 2]);
  });

  test('what a pickle would call is named and not called', async () => {
    await expect(openPytorchWeights(join(fixtures, `hostile-${form}.bin`))).rejects.toMatchObject({
      code: 'CHECKPOINT_UNSUPPORTED',
      message: expect.stringContaining('to load it Python would call posix.system; only tensors are read'),
      fix: expect.stringContaining('safe_serialization=True'),
    });
    await expect(stat('loaded')).rejects.toThrow('ENOENT');
  });
});

test('types that typed storages do not have', async () => {
  const file = await openPytorchWeights(join(fixtures, 'newer-zip.bin'));
  expect(await values(file, 'uint16')).toEqual([1, 65535]);
  expect(file.tensors.get('float8')).toMatchObject({ dtype: 'F8_E4M3', datatype: undefined, shape: [3], bytes: 3 });
});

test.each([
  ['nested', "its entry 'state_dict' holds tensors in turn, as a training checkpoint has"],
  ['negated', "tensor 'weight' is a negated or conjugated view"],
  ['whole-model', 'Python would call torch.nn.modules.linear.Linear'],
  ['sparse', 'Python would call torch._utils._rebuild_sparse_tensor'],
  ['tensor', 'it holds a tensor where a state dict was expected'],
])('%s is refused by its name', async (name, message) => {
  await expect(openPytorchWeights(join(fixtures, `${name}-zip.bin`))).rejects.toMatchObject({
    code: 'CHECKPOINT_UNSUPPORTED',
    message: expect.stringContaining(message),
  });
});

describe('by hand', () => {
  const data = Buffer.from(Float32Array.of(1, 2).buffer);
  const zipOf = (value: Buffer, more: Readonly<Record<string, Buffer>> = { 'm/data/0': data }) =>
    archive({ 'm/data.pkl': pickle(value), ...more });

  test('the file that the refusals below start from is good', async () => {
    expect(await values(await open(stream(dictionary({ w: tensor() }))), 'w')).toEqual([1, 2]);
    expect(await values(await open(zipOf(dictionary({ w: tensor() }))), 'w')).toEqual([1, 2]);
  });

  test('numbers whose bytes are most significant first', async () => {
    const swapped = Buffer.from(data).swap32();
    const file = await open(
      zipOf(dictionary({ w: tensor() }), { 'm/data/0': swapped, 'm/byteorder': Buffer.from('big') }),
    );
    expect(await values(file, 'w')).toEqual([1, 2]);
  });

  test('an OrderedDict of Python 2, and a storage that is a view of another', async () => {
    const view = storage('0', 4, 'FloatStorage', tuple(text('1'), integer(2), integer(2)));
    const pairs = list(list(bytes('U\x01w'), tensor({ storage: view })));
    const file = await open(
      stream(call(global('collections', 'OrderedDict'), pairs), { 0: Float32Array.of(1, 2, 3, 4) }),
    );
    expect(await values(file, 'w')).toEqual([3, 4]);
  });

  test('a tensor of more than one chunk, transposed', async () => {
    const [rows, columns] = [700, 500];
    const numbers = Float32Array.from({ length: rows * columns }, (_, index) => index);
    const whole = storage('0', rows * columns);
    const file = await open(
      stream(dictionary({ w: tensor({ storage: whole, size: [columns, rows], stride: [1, columns] }) }), {
        0: numbers,
      }),
    );
    const got = await values(file, 'w');
    expect(got.length).toBe(rows * columns);
    expect(got.every((value, index) => value === (index % rows) * columns + Math.floor(index / rows))).toBe(true);
  });

  test.each<[string, Buffer | string, string, string]>([
    ['nothing', '', 'INVALID', '0 bytes that are neither a ZIP archive nor a pickle'],
    ['a Git LFS pointer', 'version https://git-lfs', 'INVALID', 'Git LFS pointer'],
    ['the tar format', bytes(Buffer.alloc(257), 'ustar'), 'UNSUPPORTED', "PyTorch's tar format"],
    ['another pickle', pickle(dictionary({})), 'INVALID', 'not one that torch.save has written'],
    ['another version', bytes(stream(list()).subarray(0, 15), pickle(integer(7))), 'UNSUPPORTED', 'version 7'],
    ['a cut stream', stream(dictionary({ w: tensor() })).subarray(0, -1), 'INVALID', 'it is truncated'],
    ['a stream without data', stream(dictionary({ w: tensor() })).subarray(0, -16), 'INVALID', "before storage '0'"],
    ['a cut pickle', stream(dictionary({ w: tensor() })).subarray(0, 90), 'INVALID', 'its pickle cannot be read: '],
    ['a missing storage', stream(dictionary({ w: tensor() }), {}), 'INVALID', "storage '0' is referred to but not"],
    [
      'a foreign storage',
      stream(dictionary({ w: tensor() }), { 0: Float32Array.of(1, 2), 5: Float32Array.of(1) }),
      'INVALID',
      "no storage '5'",
    ],
    [
      'a storage of another size',
      stream(dictionary({ w: tensor() }), { 0: Float32Array.of(1) }),
      'INVALID',
      'has 1 elements where the pickle says 2',
    ],
    ['a list', stream(list(tensor())), 'UNSUPPORTED', 'it holds a list where a state dict was expected'],
    ['no tensors', stream(dictionary({ epoch: integer(3) }), {}), 'INVALID', 'the state dict has no tensors'],
    ['a number as key', stream(bytes('}', integer(3), tensor(), 's')), 'INVALID', 'is a number, expected a name'],
    ['too long', stream(dictionary({ w: tensor({ size: [3] }) })), 'INVALID', 'leaves its storage of 8 bytes'],
    ['too wide a stride', stream(dictionary({ w: tensor({ stride: [2] }) })), 'INVALID', 'leaves its storage'],
    ['too late a start', stream(dictionary({ w: tensor({ offset: 1 }) })), 'INVALID', 'leaves its storage'],
    ['a negative stride', stream(dictionary({ w: tensor({ stride: [-1] }) })), 'INVALID', 'integers from 0 on'],
    ['too few strides', stream(dictionary({ w: tensor({ stride: [] }) })), 'INVALID', 'as many sizes as strides'],
    [
      'endless elements',
      stream(dictionary({ w: tensor({ size: [2 ** 52, 2 ** 52], stride: [0, 0] }) })),
      'INVALID',
      'too many elements',
    ],
    [
      'a bomb of repetition',
      stream(dictionary({ w: tensor({ size: [2 ** 40], stride: [0] }) })),
      'UNSUPPORTED',
      'repeats 4 bytes up to 4398046511104',
    ],
    [
      'an unknown storage',
      stream(dictionary({ w: tensor({ storage: storage('0', 2, 'QInt8Storage') }) })),
      'UNSUPPORTED',
      'torch.QInt8Storage',
    ],
    [
      'a function of torch',
      stream(call(global('torch', 'load'), text('x'))),
      'UNSUPPORTED',
      'Python would call torch.load',
    ],
    ['eval', stream(call(global('builtins', 'eval'), text('x'))), 'UNSUPPORTED', 'Python would call builtins.eval'],
    [
      'a name in two texts',
      stream(bytes(text('os'), text('system'), '\x93')),
      'UNSUPPORTED',
      'Python would call os.system',
    ],
    ['an unknown opcode', stream(bytes('\x82\x01')), 'INVALID', 'opcode'],
    ['an empty stack', stream(bytes('R')), 'INVALID', 'nothing on the stack'],
    ['no mark', stream(bytes('t')), 'INVALID', 'no mark before'],
    ['a forgotten value', stream(bytes('h\x07')), 'INVALID', 'nothing was remembered as 7'],
    ['a text without end', stream(bytes('X', uint32(2 ** 32 - 1), 'x')), 'INVALID', 'it ends at byte'],
    ['a name without end', bytes(stream(list()).subarray(0, 15), '\x80\x02ctorch'), 'INVALID', 'does not end'],
    ['a huge integer', stream(bytes('\x8a\xff', Buffer.alloc(255))), 'INVALID', 'an integer of 255 bytes'],
    [
      'deep nesting',
      stream(bytes(Buffer.alloc(500_000, '('), Buffer.alloc(500_000, 't')), {}),
      'UNSUPPORTED',
      'a tuple',
    ],
    [
      'a bomb of references',
      // Each list holds the one before twice: 2^60 elements, were they ever unfolded.
      stream(bytes(']q\x00', ...Array.from({ length: 60 }, () => bytes('](h\x00h\x00eq\x00'))), {}),
      'UNSUPPORTED',
      'it holds a list',
    ],
    ['a list in itself', stream(bytes(']q\x00h\x00a'), {}), 'UNSUPPORTED', 'it holds a list'],
    ['too many values', stream(Buffer.alloc(2_100_000, 'N')), 'INVALID', 'more than 2000000 values'],
    ['too many memories', stream(bytes('N', Buffer.alloc(2_100_000, 0x94))), 'INVALID', 'it remembers more than'],
    ['an archive without pickle', archive({ 'm/a': data }), 'INVALID', 'has no data.pkl'],
    ['TorchScript', archive({ 'm/data.pkl': data, 'm/code/a.py': data }), 'UNSUPPORTED', 'this is a TorchScript model'],
    ['an archive without data', zipOf(dictionary({ w: tensor() }), {}), 'INVALID', 'has no data/0'],
    [
      'an archive with less data',
      zipOf(dictionary({ w: tensor() }), { 'm/data/0': data.subarray(4) }),
      'INVALID',
      "storage '0' of 8 bytes has 4 in the file",
    ],
    ['a compressed archive', archive({ 'm/data.pkl': data }, 9), 'INVALID', 'compressed by method 9'],
    [
      'an archive with one name twice',
      bytes(
        zipOf(dictionary({ w: tensor() }), { 'm/data/0': data, 'm/data/1': data })
          .toString('latin1')
          .replaceAll('m/data/1', 'm/data/0'),
      ),
      'INVALID',
      'm/data/0 stands twice in its directory',
    ],
    ['a cut archive', zipOf(dictionary({ w: tensor() })).subarray(0, -30), 'INVALID', 'no ZIP directory'],
    [
      'an odd byteorder',
      zipOf(dictionary({ w: tensor() }), { 'm/data/0': data, 'm/byteorder': Buffer.from('pdp') }),
      'INVALID',
      "byteorder is 'pdp'",
    ],
  ])('%s is refused', async (_, content, code, message) => {
    await expect(open(content)).rejects.toMatchObject({
      code: `CHECKPOINT_${code}`,
      message: expect.stringContaining(message),
    });
  });

  test('a storage that announces more than a number can hold', async () => {
    const whole = stream(dictionary({ w: tensor() }));
    int64(2 ** 52).copy(whole, whole.length - 16);
    await expect(open(whole)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });

  test('a file that is cut after it was opened', async () => {
    const file = await open(stream(dictionary({ w: tensor() })));
    await writeFile(file.path, '');
    await expect(values(file, 'w')).rejects.toThrow('became shorter while it was read');
    expect(() => file.read('none')).toThrow("there is no tensor 'none'");
    await expect(openPytorchWeights(join(dir, 'none'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(openPytorchWeights(dir)).rejects.toThrow('expected a file, found a folder');
  });
});

// `npm run fuzz -- --seconds 600 --seed 7` runs longer and elsewhere.
test('whatever the damage: the tensors in whole, or a refusal of the checkpoint', async () => {
  const outcomes = await fuzzWeights(1, (round) => round === 1500);
  for (const outcome of ['accepted', 'CHECKPOINT_INVALID', 'CHECKPOINT_UNSUPPORTED']) {
    expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(50);
  }
});
