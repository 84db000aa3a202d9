import { create, toBinary } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Type, type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pythonSource } from '../fixtures/releases.ts';
import { readDescriptor } from './descriptor.ts';
import { pythonDescriptors } from './python-literal.ts';

const read = (text: string) =>
  pythonDescriptors(text, 'x_pb2.py').map((bytes) => Buffer.from(bytes).toString('latin1'));

describe('the bytes literal of a generated module', () => {
  test.each([
    [String.raw`AddSerializedFile(b'ab\n\x12\tc')`, ['ab\n\u0012\tc']],
    [String.raw`AddSerializedFile(b"it's \"\\\'\r\a\b\f\v")`, ["it's \"\\'\r\u0007\b\f\v"]],
    [String.raw`AddSerializedFile(b'\0\7\12\101\3778')`, ['\u0000\u0007\nA\u00ff8']],
    ["AddSerializedFile(\n  b'a' b\"b\"\n  b'c'\n)", ['abc']],
    ["AddSerializedFile(b'a\\\nb\\\r\nc')", ['abc']],
    [String.raw`  serialized_pb=b'\x01',`, ['\u0001']],
    [String.raw`  serialized_pb = _b('\x02\xff')`, ['\u0002\u00ff']],
    ["AddSerializedFile(b'')\nAddSerializedFile(b'2')", ['', '2']],
    ['from other_pb2 import *\n', []],
    ["_serialized_options = b'8\\001'\n", []],
  ])('%j', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test('holds any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(pythonDescriptors(pythonSource(bytes), 'x_pb2.py')).toEqual([bytes]);
      }),
    );
  });

  test.each([
    ['\n  AddSerializedFile(DATA)', 'x_pb2.py:2:21: expected a bytes literal b\'...\', found "DATA)"'],
    ["AddSerializedFile(rb'a')", "x_pb2.py:1:19: expected a bytes literal b'...', found \"rb'a')\""],
    ['AddSerializedFile(', 'x_pb2.py:1:19: expected a bytes literal b\'...\', found ""'],
    ["x\nAddSerializedFile(b'abc", 'x_pb2.py:2:19: the bytes literal that starts here does not end on its line'],
    ["AddSerializedFile(b'abc\n')", 'x_pb2.py:1:19: the bytes literal that starts here does not end on its line'],
    ["AddSerializedFile(b'abc\\", 'x_pb2.py:1:24: unknown escape \\'],
    ["AddSerializedFile(b'a\\xg1')", 'x_pb2.py:1:22: \\x takes two hex digits, found "g1"'],
    ["AddSerializedFile(b'\\q')", 'x_pb2.py:1:21: unknown escape \\q'],
    ["AddSerializedFile(b'\\400')", 'x_pb2.py:1:21: \\400 is beyond a byte'],
    ["AddSerializedFile(b'é')", 'x_pb2.py:1:21: a bytes literal holds ASCII only'],
  ])('%j is refused', (text, message) => {
    expect(() => pythonDescriptors(text, 'x_pb2.py')).toThrow(message);
  });
});

describe('a descriptor', () => {
  type Parts = Parameters<typeof create<typeof FileDescriptorProtoSchema>>[1];
  const bytes = (parts: Parts): Uint8Array => {
    const file: FileDescriptorProto = create(FileDescriptorProtoSchema, parts);
    return toBinary(FileDescriptorProtoSchema, file);
  };
  const { STRING, MESSAGE } = FieldDescriptorProto_Type;
  const fields = (...field: object[]) => ({ package: 'p', messageType: [{ name: 'M', field }] }) as Parts;

  test('is read with full names; an optional field is in no oneof', () => {
    const file = readDescriptor(
      bytes({
        package: 'a.b',
        messageType: [
          {
            name: 'M',
            oneofDecl: [{ name: 'choice' }, { name: '_o' }],
            field: [
              { name: 'c', number: 1, type: STRING, oneofIndex: 0 },
              { name: 'o', number: 2, type: STRING, oneofIndex: 1, proto3Optional: true },
              { name: 'm', number: 3, type: MESSAGE, typeName: '.a.b.M' },
            ],
          },
        ],
      }),
      'x_pb2.py',
    );
    expect(file.package).toBe('a.b');
    expect([...file.messages]).toEqual([
      [
        'a.b.M',
        [
          { number: 1, name: 'c', type: 'string', oneof: 'choice' },
          { number: 2, name: 'o', type: 'string', optional: true },
          { number: 3, name: 'm', type: '.a.b.M' },
        ],
      ],
    ]);
  });

  test.each<[string, Uint8Array, string]>([
    ['bytes that are none', Uint8Array.of(0x0a, 0xff, 1), 'its descriptor cannot be decoded: '],
    [
      'a name with an escape sequence',
      bytes({ messageType: [{ name: '\u001b[2J' }] }),
      String.raw`declares the name "\u001b[2J", which is no identifier`,
    ],
    [
      'a name that ends a string',
      bytes({ enumType: [{ name: "E'] = 1;//" }] }),
      `declares the name "E'] = 1;//", which is no identifier`,
    ],
    [
      'a name that is a prototype',
      bytes({ messageType: [{ name: '__proto__' }] }),
      'declares the name "__proto__", which is no identifier',
    ],
    ['a package that is none', bytes({ package: 'a b' }), 'declares the name "a b", which is no identifier'],
    [
      'a type that is none',
      bytes(fields({ name: 'f', number: 1, type: MESSAGE, typeName: '.a.;' })),
      'declares the name ";", which is no identifier',
    ],
    ['field 0', bytes(fields({ name: 'f', type: STRING })), 'numbers the field p.M.f 0, expected 1 to 536870911'],
    [
      'a negative field',
      bytes(fields({ name: 'f', number: -1, type: STRING })),
      'numbers the field p.M.f -1, expected 1 to 536870911',
    ],
    [
      'a type number that is none',
      bytes(fields({ name: 'f', number: 1, type: 99 })),
      'gives the field f no type that protobuf knows',
    ],
    [
      'a name given twice',
      bytes(fields({ name: 'f', number: 1, type: STRING }, { name: 'f', number: 2, type: STRING })),
      'p.M has two fields of one name',
    ],
    [
      'a number given twice',
      bytes(fields({ name: 'f', number: 1, type: STRING }, { name: 'g', number: 1, type: STRING })),
      'p.M has two fields of one number',
    ],
    [
      'a map without value',
      bytes({
        package: 'p',
        messageType: [
          {
            name: 'M',
            nestedType: [{ name: 'E', options: { mapEntry: true }, field: [{ name: 'key', number: 1, type: STRING }] }],
            field: [{ name: 'f', number: 1, type: MESSAGE, typeName: '.p.M.E' }],
          },
        ],
      }),
      'the map p.M.f lacks its key or its value',
    ],
    [
      'nesting without end',
      bytes({
        messageType: [
          Array.from({ length: 150 }).reduce<object>((inner) => ({ name: 'M', nestedType: [inner] }), { name: 'M' }),
        ],
      }),
      'its descriptor cannot be decoded: cannot decode message google.protobuf.DescriptorProto',
    ],
    [
      'too much',
      bytes({
        enumType: [{ name: 'E', value: Array.from({ length: 4000 }, (_, number) => ({ name: `V${number}`, number })) }],
      }),
      'has more than 4000 declarations',
    ],
  ])('with %s is refused', (_title, content, message) => {
    expect(() => readDescriptor(content, 'x_pb2.py')).toThrow(`x_pb2.py: ${message}`);
  });

  test('never crashes on bytes at random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (content) => {
        try {
          readDescriptor(content, 'x');
        } catch (error) {
          expect(error).toHaveProperty('code', 'FILE_INVALID');
        }
      }),
    );
  });
});
