import { expect, test } from 'vitest';
import { JsonReader } from './json-reader.ts';

const read = (text: string) => {
  const reader = new JsonReader(new TextEncoder().encode(text));
  const value = reader.readValue();
  reader.expectEnd();
  return value;
};

test('documents that JSON.parse reads are read alike', () => {
  const texts = [
    '{"a":[1,2.5,-3e-7,true,false,null,"x"],"b":{"c":{}},"d":[]}',
    '  [ 1 ,\n\t2 ]\r ',
    '"\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/\\b\\f\\r\\t ü €"',
    '-0',
    '1E5',
    '9007199254740991',
    '0.1',
    '1e-400',
    '1.7976931348623157e308',
    `[${'['.repeat(400)}${']'.repeat(400)}]`,
  ];
  for (const text of texts) expect(structuredClone(read(text))).toEqual(JSON.parse(text));
});

test('what goes beyond JSON: Triton accepts NaN and infinities', () => {
  expect(read('[NaN,Inf,-Inf,Infinity,-Infinity]')).toEqual([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
});

test('integers beyond 2^53 stay exact as long as they fit 64 bits', () => {
  expect(read('[9223372036854775807,-9223372036854775808,18446744073709551615,18446744073709551616]')).toEqual([
    9223372036854775807n,
    -9223372036854775808n,
    18446744073709551615n,
    2 ** 64,
  ]);
});

test('hostile names are names like any other', () => {
  const value = read('{"__proto__":{"polluted":true},"constructor":1,"a":1,"a":2}') as Record<string, unknown>;
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'a']);
  expect(value.a).toBe(1);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test('every fault has its reason and its byte', () => {
  const faults: Record<string, string> = {
    '': 'ends where a value should be at byte 0',
    '[1,]': "expected a value after ',' at byte 3",
    '[1 2]': "expected ',' or ']' in an array at byte 3",
    '[1': 'ends inside an array at byte 2',
    '[': 'ends inside an array at byte 1',
    '{"a":1,}': 'expected a quoted member name at byte 7',
    '{"a" 1}': "expected ':' after 'a' at byte 5",
    '{"a":1 "b":2}': "expected ',' or '}' in an object at byte 7",
    '{"a":1': 'ends inside an object at byte 6',
    '{': 'ends inside an object at byte 1',
    '[1]x': 'unexpected text after the value at byte 3',
    '01': 'a number has leading zeros at byte 0',
    '1.': "a number needs a digit after '.' at byte 0",
    '1e': 'a number needs a digit in its exponent at byte 0',
    '1e+': 'a number needs a digit in its exponent at byte 0',
    '1e999': 'a number is too big for a double at byte 0',
    '-': 'a value must be a number, got - at byte 0',
    '+1': 'a value must be a number, got +1 at byte 0',
    tru: 'a value must be true or false, got tru at byte 0',
    nul: 'expected a value, got nul at byte 0',
    nan: 'expected a value, got nan at byte 0',
    "'a'": 'a value must be a number, got byte 0x27 at byte 0',
    '"a': 'a string has no closing quote at byte 0',
    '"a\nb"': 'control character in a string at byte 2',
    '"\\x"': 'unknown escape in a string at byte 1',
    '"\\': 'unknown escape in a string at byte 1',
    '"\\u12g4"': '\\u needs four hexadecimal digits at byte 1',
    '"\\u12': '\\u needs four hexadecimal digits at byte 1',
    '"\\ud800"': 'half a surrogate pair in a string at byte 1',
    '"\\ud800\\u0041"': 'half a surrogate pair in a string at byte 1',
    '"\\udc00"': 'half a surrogate pair in a string at byte 1',
    [`${'['.repeat(600)}`]: 'more than 512 levels of nesting at byte 513',
    [`${'{"a":'.repeat(600)}`]: 'more than 512 levels of nesting at byte 2565',
  };
  for (const [text, message] of Object.entries(faults)) {
    expect(() => read(text), text).toThrow(`request JSON: ${message}`);
    const skip = () => {
      const reader = new JsonReader(new TextEncoder().encode(text));
      reader.skipValue();
      reader.expectEnd();
    };
    expect(skip, `skipping ${text}`).toThrow(`request JSON: ${message}`);
  }
});

test('numbers are rounded as Number() rounds, binary32 as Math.fround does', () => {
  let seed = 42;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const texts = ['0.1', '1e22', '1e23', '123456789012345678', '9007199254740993', '4.35', '1.7e-38', '1e-45', '7e-46'];
  for (let index = 0; index < 3000; index++) {
    const single = Math.fround((random() - 0.5) * 10 ** Math.floor(random() * 85 - 46));
    texts.push(String(single), String(random() * 10 ** Math.floor(random() * 600 - 300)));
    texts.push(`${Math.floor(random() * 1e9)}${Math.floor(random() * 1e9)}e${Math.floor(random() * 40 - 20)}`);
    // The middle between two neighbours in binary32, and a hair above it.
    const next = single + Math.abs(single) * 2 ** -23;
    const middle = ((single + Math.fround(next)) / 2).toPrecision(19);
    texts.push(String(Number(middle)), middle);
  }
  for (const text of texts) {
    const reader = (value: string) => new JsonReader(new TextEncoder().encode(value));
    expect(reader(text).readNumber('x'), text).toBe(Number(text));
    expect(Math.fround(reader(text).readFloat32('x')), text).toBe(Math.fround(Number(text)));
  }
});

test('a number of a million digits costs no more than reading it', () => {
  expect(() => read('1'.repeat(1_000_000))).toThrow('a number is too big for a double at byte 0');
  expect(read(`0.${'1'.repeat(1_000_000)}`)).toBeCloseTo(1 / 9, 15);
});

test('text may be invalid UTF-8, as in Triton', () => {
  const reader = new JsonReader(new Uint8Array([0x22, 0xff, 0x41, 0x22]));
  expect(reader.readString('x')).toBe('\ufffdA');
});
