import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTorchScript, torchScriptFault } from './archive.ts';
import { parseForward, typeArguments } from './signature.ts';

// Made by test/fixtures/torchscript/make.py with torch 2.
const fixture = (name: string) => join(import.meta.dirname, '../../../test/fixtures/torchscript', name);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-torchscript-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test.each([
  ['scripted.pt', '__torch__.Net'],
  ['frozen.pt', '__torch__.___torch_mangle_0.Net'],
])('%s: the arguments of forward and what it returns', async (name, module) => {
  expect(await readTorchScript(fixture(name))).toEqual({
    module,
    returns: 'Tuple[Tensor, Tensor]',
    arguments: [
      { name: 'x', type: 'Tensor' },
      { name: 'mask', type: 'Optional[Tensor]' },
    ],
  });
});

test('other types than tensors are told as they are', async () => {
  const { arguments: args, returns } = await readTorchScript(fixture('texts.pt'));
  expect(args.map(({ type }) => type)).toEqual(['List[str]', 'int', 'Dict[str, Tensor]']);
  expect(returns).toBe('List[str]');
});

test('a traced model tells the inputs it was traced with', async () => {
  expect((await readTorchScript(fixture('traced.pt'))).arguments).toEqual([
    { name: 'input_ids', type: 'Tensor', example: { datatype: 'INT64', shape: [1, 3] } },
    { name: 'flag', type: 'Tensor', example: { datatype: 'BOOL', shape: [1, 3] } },
    { name: 'scalar', type: 'Tensor', example: { datatype: 'FP32', shape: [] } },
  ]);
  expect(await readTorchScript(fixture('sequential.pt'))).toMatchObject({
    module: '__torch__.torch.nn.modules.container.Sequential',
    arguments: [{ name: 'input', example: { shape: [1, 4] } }],
  });
});

/** A ZIP archive; a member is stored unless told otherwise, and `lies` changes its directory entry. */
function zip(
  members: Readonly<Record<string, Buffer | string>>,
  method = 0,
  lies: Partial<Record<'method' | 'size' | 'offset', number>> = {},
): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(members)) {
    const plain = Buffer.from(content);
    const packed = method === 8 ? deflateRawSync(plain) : plain;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(lies.method ?? method, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(lies.size ?? plain.length, 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt32LE(lies.offset ?? offset, 42);
    directory.push(entry, Buffer.from(name));
    parts.push(local, Buffer.from(name), packed);
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

/** The same archive with sizes and offsets moved to ZIP64 records. */
function zip64(name: string, content: string): Buffer {
  const plain = zip({ [name]: content });
  const start = plain.readUInt32LE(plain.length - 6);
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(content.length), 4);
  extra.writeBigUInt64LE(BigInt(content.length), 12);
  const entry = Buffer.from(plain.subarray(start, plain.length - 22));
  for (const at of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, at);
  entry.writeUInt16LE(28, 30);
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(BigInt(entry.length + 28), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(start + entry.length + 28), 8);
  const end = Buffer.from(plain.subarray(plain.length - 22));
  end.writeUInt32LE(0xffffffff, 12);
  end.writeUInt32LE(0xffffffff, 16);
  return Buffer.concat([plain.subarray(0, start), entry, extra, record, locator, end]);
}

const pickle = '\x80\x02c__torch__\nNet\nq\x00.';
const source = 'class Net(Module):\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return x\n';
const whole = { 'm/data.pkl': Buffer.from(pickle, 'latin1'), 'm/code/__torch__.py': source };

async function read(content: Buffer | string) {
  const path = join(dir, 'model.pt');
  await writeFile(path, content);
  return readTorchScript(path);
}

describe('other archives', () => {
  test('compressed members are unpacked', async () => {
    expect((await read(zip(whole, 8))).arguments).toEqual([{ name: 'x', type: 'Tensor' }]);
  });

  test('archives beyond 4 GiB are read by their ZIP64 records', async () => {
    await expect(read(zip64('m/data.pkl', pickle))).rejects.toThrow('it holds weights only');
  });

  test.each<[string, Buffer | string, string]>([
    ['no archive', 'nonsense', 'is not a whole PyTorch archive: it has no ZIP directory'],
    ['an empty file', '', 'it has no ZIP directory'],
    ['a cut archive', zip(whole).subarray(40), 'it ends within'],
    ['a misplaced member', zip(whole, 0, { offset: 5 }), 'm/data.pkl is not where its directory says'],
    [
      'an argument without a type',
      zip({ ...whole, 'm/code/__torch__.py': source.replace(': Tensor)', ')') }),
      'has no forward method',
    ],
    ['an archive of something else', zip({ 'a.txt': 'x' }), 'is no TorchScript model: it has no data.pkl'],
    [
      'weights',
      zip({ 'm/data.pkl': pickle }),
      'is no TorchScript model: it holds weights only or a pickled module, as torch.save writes them',
    ],
    ['no module', zip({ ...whole, 'm/data.pkl': 'x' }), 'its data.pkl does not begin with a module'],
    ['no source', zip({ ...whole, 'm/code/__torch__.py': '' }), '__torch__.Net has no forward method'],
    [
      'another source',
      zip({ 'm/data.pkl': whole['m/data.pkl'], 'm/code/x.py': '' }),
      'the source of __torch__.Net, m/code/__torch__.py, is missing',
    ],
    ['an odd compression', zip(whole, 0, { method: 12 }), 'm/data.pkl is compressed by method 12, expected 0 or 8'],
    ['broken compression', zip(whole, 0, { method: 8 }), 'm/data.pkl cannot be unpacked: invalid'],
    ['a giant', zip(whole, 0, { size: 2 ** 31 }), 'm/data.pkl in it holds 2147483648 bytes, at most 67108864 expected'],
    ['a wrong offset', zip(whole, 0, { offset: 1e6 }), 'it ends within 30 bytes that are said to stand at 1000000'],
  ])('%s is refused', async (_, content, message) => {
    await expect(read(content)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('what LibTorch would not load is told from the names alone', async () => {
    const fault = async (content: Buffer | string) => {
      const path = join(dir, 'model.pt');
      await writeFile(path, content);
      return (await torchScriptFault(path))?.message.replace(path, 'model.pt');
    };
    expect(await fault('x')).toBe('model.pt is not a whole PyTorch archive: it has no ZIP directory');
    expect(await fault(zip({ 'm/data.pkl': pickle }))).toContain('it holds weights only or a pickled module');
    expect(await fault(zip({ 'a.txt': 'x' }))).toContain('it has no data.pkl');
    expect(await fault(zip({ 'm/model.json': '{}' }))).toBeUndefined();
    expect(await fault(zip({ 'm/data.pkl': 'x', 'm/code/x.py': '' }))).toBeUndefined();
  });

  test('a missing file is named', async () => {
    await expect(readTorchScript(join(dir, 'none.pt'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/none\.pt cannot be opened: ENOENT/),
    });
  });

  test('example inputs that cannot be read are left out', async () => {
    for (const odd of [
      '',
      'x',
      '\x80\x02(',
      '\x80\x02}h\x07.',
      '\x80\x02Ka.',
      '\x80\x02e',
      '\x80\x02N.',
      '\x80\x02K\x01K\x01s.',
    ])
      expect((await read(zip({ ...whole, 'm/traced_inputs.pkl': Buffer.from(odd, 'latin1') }))).arguments).toEqual([
        { name: 'x', type: 'Tensor' },
      ]);
  });

  test('a damaged archive is read or refused, never more', async () => {
    const good = await readFile(fixture('traced.pt'));
    let seed = 1;
    for (let round = 0; round < 300; round++) {
      const bad = Buffer.from(good);
      for (let flips = 0; flips < 4; flips++) {
        seed = (seed * 48271) % 2147483647;
        bad[seed % bad.length] = seed % 251;
      }
      await read(bad).catch((error) => expect(error).toMatchObject({ code: 'FILE_INVALID' }));
    }
  });
});

test('signatures over several lines, with defaults and brackets', () => {
  const text = `class A(Module):
  def forward(self: A) -> int:
    return 1
class Net(Module):
  def forward(self: Net,
    a: Tuple[Tensor, List[int]],
    b: Optional[Dict[str, Tensor]]=None,
    c: List[int]=[1, 2]) -> Tuple[Tensor,
    Tensor]:
    return (a, a)
  def other(self: Net) -> int:
    return 1
`;
  expect(parseForward(text, 'Net')).toEqual({
    arguments: [
      { name: 'a', type: 'Tuple[Tensor, List[int]]' },
      { name: 'b', type: 'Optional[Dict[str, Tensor]]' },
      { name: 'c', type: 'List[int]' },
    ],
    returns: 'Tuple[Tensor, Tensor]',
  });
  expect(parseForward(text, 'A')).toEqual({ arguments: [], returns: 'int' });
  expect(parseForward(text, 'N')).toBeUndefined();
  expect(parseForward('class N(Module):\n  def forward(self', 'N')).toBeUndefined();
  expect(typeArguments('Tuple[Tensor, Dict[str, Tensor]]', 'Tuple')).toEqual(['Tensor', 'Dict[str, Tensor]']);
  expect(typeArguments('Tensor', 'Tuple')).toBeUndefined();
});
