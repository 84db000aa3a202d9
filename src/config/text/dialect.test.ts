import { describe, expect, test } from 'vitest';
import type { ModelConfig } from '../generated.ts';
import { parseConfig } from '../index.ts';

// One block a row of "Text-format dialect": what protobuf's strict parser was seen to accept and to refuse.

function accepts(text: string | Uint8Array, config: ModelConfig): void {
  const parsed = parseConfig(text);
  expect(parsed.diagnostics).toEqual([]);
  expect(parsed.config).toEqual(config);
}

/** Refuses with exactly one finding, given as `line:column message`. */
function refuses(text: string | Uint8Array, finding: string): void {
  const found = parseConfig(text).diagnostics;
  expect(found.map(({ where, message }) => `${where.line}:${where.column} ${message}`)).toEqual([finding]);
  const severity = found[0]!.code === 'config/invalid-utf8' ? 'warning' : 'error';
  expect(found[0]!.severity).toBe(severity);
}

const inputs = (...dims: number[]) => ({ input: [{ dims }] });
const utilization = (value: string) => `sequence_batching { direct { minimum_slot_utilization: ${value} } }`;
const utilized = (value: number) => ({ sequence_batching: { direct: { minimum_slot_utilization: value } } });
const delay = (value: string) => `dynamic_batching { max_queue_delay_microseconds: ${value} }`;
const delayed = (value: number | bigint) => ({ dynamic_batching: { max_queue_delay_microseconds: value } });

test('comments start with # and run to the end of the line', () => {
  accepts('# one\nname #two\n: # three\n"x" # four', { name: 'x' });
  accepts('name: "# no comment"', { name: '# no comment' });
  accepts('# \xe9 \u{1F600}\n', {});
});

test('other comments are refused, and read as comments', () => {
  refuses('// one\nname: "x"', '1:1 // does not start a comment here');
  refuses('name: "x" /* one\n two */ max_batch_size: 1', '1:11 /* */ is not a comment here');
  expect(parseConfig('name: "x" // one\nmax_batch_size: 4').config).toEqual({ name: 'x', max_batch_size: 4 });
});

test('a byte order mark is refused', () => {
  const message = '1:1 the file starts with a byte order mark, which Triton refuses';
  refuses('\ufeffname: "x"', message);
  refuses(Buffer.from('\ufeffname: "x"'), message);
});

test('any white space separates, several fields may share a line', () => {
  accepts('name:"x"\r\nmax_batch_size\t:\r\n 4\v\f', { name: 'x', max_batch_size: 4 });
  accepts('name:"x"platform:"y"max_batch_size:4', { name: 'x', platform: 'y', max_batch_size: 4 });
});

test('a scalar field needs its colon', () => {
  accepts('name : "x"', { name: 'x' });
  refuses('name "x"', '1:1 a colon is missing after name');
  refuses('input { dims [1] }', '1:9 a colon is missing after dims');
});

test('a message field has its colon or not, and braces or angle brackets', () => {
  const config = { optimization: { eager_batching: true } };
  for (const text of ['{ %}', ': { %}', '< %>', ': < %>'])
    accepts(`optimization ${text.replace('%', 'eager_batching: true ')}`, config);
  refuses('optimization < }', '1:16 optimization opens with < but closes with }');
  refuses('optimization { >', '1:16 optimization opens with { but closes with >');
});

test('one comma or semicolon may stand behind a field', () => {
  accepts('name: "x"; max_batch_size: 4, input { dims: 1, }; output {};', {
    name: 'x',
    max_batch_size: 4,
    ...inputs(1),
    output: [{}],
  });
  const message = 'separates nothing: one may stand after a field, never first or twice';
  refuses('name: "x",;', `1:11 ; ${message}`);
  refuses(', name: "x"', `1:1 , ${message}`);
  refuses('input { ; }', `1:9 ; ${message}`);
});

describe('lists', () => {
  test('of scalars need a colon and commas only between items', () => {
    accepts('input { dims: [1, 2] }', inputs(1, 2));
    accepts('input { dims: [] }', inputs());
    refuses('input { dims: [1, 2,] }', '1:20 the list dims ends in a comma');
    refuses('input { dims: [, 1] }', '1:16 a comma without a value before it in the list dims');
    refuses('input { dims: [1; 2] }', '1:17 the items of the list dims are separated by ;');
    refuses('input { dims: [1 2] }', '1:18 a comma is missing between two items of the list dims');
    refuses('input { dims: [[1]] }', '1:16 the list dims holds a list');
  });

  test('of messages have a colon or not, and need their commas', () => {
    const config = { input: [{ name: 'a' }, { name: 'b' }] };
    accepts('input [ { name: "a" }, { name: "b" } ]', config);
    accepts('input: [ < name: "a" >, { name: "b" } ]', config);
    accepts('input []', { input: [] });
    refuses('input [ {} {} ]', '1:12 a comma is missing between two items of the list input');
    refuses('input [ {}, ]', '1:11 the list input ends in a comma');
  });

  test('and repeated fields append in the order of the file', () => {
    accepts('input { dims: 1 dims: [2, 3] dims: 4 }', inputs(1, 2, 3, 4));
    accepts('input { name: "a" } input [ { name: "b" } ]', { input: [{ name: 'a' }, { name: 'b' }] });
  });

  test('are refused on a field that holds one value', () => {
    refuses('max_batch_size: [4]', '1:17 max_batch_size holds one value, found a list');
    refuses('optimization [ {} ]', '1:14 optimization holds one value, found a list');
  });
});

describe('a field that holds one value', () => {
  test('is refused the second time', () => {
    refuses('name: "a" name: "b"', '1:11 name is specified multiple times');
    refuses('optimization {} optimization {}', '1:17 optimization is specified multiple times');
    refuses('input { data_type: TYPE_FP32 data_type: TYPE_FP32 }', '1:30 data_type is specified multiple times');
  });

  test('may be given again when the first was the zero of its type', () => {
    accepts('max_batch_size: 0 max_batch_size: 4', { max_batch_size: 4 });
    accepts('max_batch_size: 0 max_batch_size: 0', { max_batch_size: 0 });
    accepts('name: "" name: "x"', { name: 'x' });
    accepts('input { optional: false optional: true data_type: 0 data_type: TYPE_BOOL }', {
      input: [{ optional: true, data_type: 'TYPE_BOOL' }],
    });
    accepts('input { data_type: TYPE_INVALID data_type: TYPE_BOOL }', { input: [{ data_type: 'TYPE_BOOL' }] });
    accepts(utilization('0 minimum_slot_utilization: 0.5'), utilized(0.5));
    refuses(
      utilization('-0 minimum_slot_utilization: 0.5'),
      '1:59 minimum_slot_utilization is specified multiple times',
    );
  });

  test('excludes the other members of its oneof, given as zero too', () => {
    refuses(
      'dynamic_batching {} sequence_batching {}',
      '1:21 sequence_batching and dynamic_batching exclude one another (oneof scheduling_choice)',
    );
    const sample = (fields: string) => `model_warmup { inputs { key: "a" value { ${fields} } } }`;
    refuses(
      sample('zero_data: false random_data: true'),
      '1:59 random_data and zero_data exclude one another (oneof input_data_type)',
    );
    refuses(sample('zero_data: false zero_data: true'), '1:59 zero_data is specified multiple times');
  });
});

test('unknown names, wrong case, camelCase, numbers and extensions are refused as field names', () => {
  refuses('nmae: "x"', '1:1 ModelConfig has no field nmae');
  refuses('Name: "x"', '1:1 ModelConfig has no field Name');
  refuses('maxBatchSize: 4', '1:1 ModelConfig has no field maxBatchSize');
  refuses('input { reshape { dims: 1 } }', '1:19 ModelTensorReshape has no field dims');
  refuses('1: "x"', '1:1 expected a field name, found 1');
  refuses('[foo.bar]: 1', '1:1 extensions ([name]) are not part of a model configuration');
  refuses('"name": "x"', '1:1 the field name name is in quotes');
});

test('an enumeration takes its exact names, and any number', () => {
  accepts('input { data_type: TYPE_FP32 }', { input: [{ data_type: 'TYPE_FP32' }] });
  accepts('input { data_type: 11 }', { input: [{ data_type: 'TYPE_FP32' }] });
  accepts('input { data_type: 99 } input { data_type: -1 }', { input: [{ data_type: 99 }, { data_type: -1 }] });
  refuses('input { data_type: type_fp32 }', '1:20 data_type has no value type_fp32');
  refuses('input { data_type: "TYPE_FP32" }', `1:20 data_type expects a value's name (DataType), found "TYPE_FP32"`);
  refuses('input { data_type: 2147483648 }', '1:20 data_type: 2147483648 does not fit int32');
});

test('a bool has eight spellings, among integers 0 and 1 in any notation', () => {
  for (const text of ['true', 'True', 't', '1', '0x1', '01'])
    accepts(`input { optional: ${text} }`, { input: [{ optional: true }] });
  for (const text of ['false', 'False', 'f', '0', '0x0', '00'])
    accepts(`input { optional: ${text} }`, { input: [{ optional: false }] });
  for (const text of ['TRUE', '2', '-1', '-0', '"true"', 'yes', '1.0'])
    refuses(`input { optional: ${text} }`, `1:19 optional expects true or false (bool), found ${text}`);
});

describe('integers', () => {
  test('are decimal, hexadecimal or octal; the sign may stand apart', () => {
    accepts('max_batch_size: 0x1F', { max_batch_size: 31 });
    accepts('max_batch_size: 017', { max_batch_size: 15 });
    accepts('max_batch_size: - # sign\n 5', { max_batch_size: -5 });
    accepts('max_batch_size: -0', { max_batch_size: 0 });
    refuses('max_batch_size: +4', '1:17 a number takes no + sign');
    refuses('max_batch_size: 4.0', '1:17 max_batch_size expects a whole number (int32), found 4.0');
    refuses('max_batch_size: "4"', '1:17 max_batch_size expects a whole number (int32), found "4"');
    refuses('max_batch_size: four', '1:17 max_batch_size expects a whole number (int32), found four');
    refuses('max_batch_size: 0x', '1:17 0x must be followed by hexadecimal digits');
    refuses('max_batch_size: 08', '1:17 08 starts with 0 and is therefore octal, but has an 8 or 9');
  });

  test('fit their type', () => {
    accepts('max_batch_size: 2147483647', { max_batch_size: 2147483647 });
    accepts('max_batch_size: -2147483648', { max_batch_size: -2147483648 });
    refuses('max_batch_size: 2147483648', '1:17 max_batch_size: 2147483648 does not fit int32');
    refuses('max_batch_size: -2147483649', '1:17 max_batch_size: -2147483649 does not fit int32');
    accepts('input { dims: 9223372036854775807 dims: -9223372036854775808 dims: 9007199254740991 }', {
      input: [{ dims: [9223372036854775807n, -9223372036854775808n, 9007199254740991] }],
    });
    refuses('input { dims: 9223372036854775808 }', '1:15 dims: 9223372036854775808 does not fit int64');
    accepts(delay('18446744073709551615'), delayed(18446744073709551615n));
    accepts(delay('0xffffffffffffffff'), delayed(18446744073709551615n));
    accepts(delay('0x0000000000000000000000000000a'), delayed(10));
    refuses(
      delay('18446744073709551616'),
      '1:50 max_queue_delay_microseconds: 18446744073709551616 does not fit uint64',
    );
    refuses(delay('-1'), '1:50 max_queue_delay_microseconds cannot be negative');
    accepts('optimization { gather_kernel_buffer_threshold: 4294967295 }', {
      optimization: { gather_kernel_buffer_threshold: 4294967295 },
    });
    refuses(
      'optimization { gather_kernel_buffer_threshold: 4294967296 }',
      '1:48 gather_kernel_buffer_threshold: 4294967296 does not fit uint32',
    );
  });
});

test('floating point is decimal, with f behind it or not, or inf or nan in any case', () => {
  const good: [string, number][] = [
    ['0.5', 0.5],
    ['.5', 0.5],
    ['1.', 1],
    ['5e-1', 0.5],
    ['1E+2f', 100],
    ['1F', 1],
    ['7', 7],
    ['0.1', 0.1],
    ['- .5', -0.5],
    ['inf', Infinity],
    ['-Infinity', -Infinity],
    ['NaN', Number.NaN],
    ['1e400', Infinity],
    ['99999999999999999999999', 1e23],
  ];
  for (const [text, value] of good) accepts(utilization(text), utilized(value));
  for (const text of ['0x10', '010', '00', 'half', '"0.5"'])
    refuses(utilization(text), `1:56 minimum_slot_utilization expects a decimal number (float), found ${text}`);
  refuses(utilization('1.e'), '1:56 1.e lacks the digits of its exponent');
});

test('a number ends before a letter or a point', () => {
  accepts('max_batch_size: 4 name: "x"', { max_batch_size: 4, name: 'x' });
  refuses('max_batch_size: 4name: "x"', '1:18 a space is missing between 4 and the name after it');
  const [point, rest] = parseConfig(utilization('1.5.2')).diagnostics;
  expect([point!.message, rest!.message]).toEqual([
    'a number has a second decimal point',
    'expected a field name, found .2',
  ]);
  expect(parseConfig('max_batch_size: 0x1.5').diagnostics[0]!.message).toBe(
    'hexadecimal and octal numbers must be whole',
  );
  expect(parseConfig('name.5: 1').diagnostics.map((one) => one.message)).toContain(
    'a space is missing between a name and a decimal point',
  );
});

describe('strings', () => {
  test('stand in either quotes, and join when adjacent', () => {
    accepts(`name: 'a"b' "c'd"\n# between\n'e'`, { name: `a"bc'de` });
    accepts('name: "é \u{1F600}"', { name: 'é \u{1F600}' });
    refuses('name: x', '1:7 name expects a string in quotes (string), found x');
    refuses('name: 5', '1:7 name expects a string in quotes (string), found 5');
    refuses('name: "abc', '1:7 a string is not closed on its line');
    refuses('name: "abc\nmax_batch_size: 4', '1:7 a string is not closed on its line');
    refuses('name: "abc\\\nmax_batch_size: 4', '1:7 a string is not closed on its line');
    refuses('name: "a\0b"', '1:9 a string holds the character U+0000');
  });

  test('take the escapes of C and Unicode, and no others', () => {
    accepts(String.raw`name: "\n\t\r\a\b\f\v\\\'\"\?"`, { name: '\n\t\r\x07\b\f\v\\\'"?' });
    accepts(String.raw`name: "\101\x41\X42\u00e9\U0001F600\0018\400"`, { name: 'AABé\u{1F600}\x018\0' });
    accepts(String.raw`name: "\ud83d\ude00\U0000d83d\ude00"`, { name: '\u{1F600}\u{1F600}' });
    accepts(String.raw`name: "\U00110000"`, { name: String.raw`\U00110000` });
    refuses(String.raw`name: "\q"`, String.raw`1:8 \q is not an escape in a string`);
    refuses(String.raw`name: "\x"`, String.raw`1:8 \x must be followed by hexadecimal digits`);
    refuses(String.raw`name: "\u12"`, String.raw`1:8 \u must be followed by four hexadecimal digits`);
    refuses(
      String.raw`name: "\U00200000"`,
      String.raw`1:8 \U must be followed by eight hexadecimal digits up to 0010ffff`,
    );
  });

  test('are UTF-8 as a whole, or else lose the bytes that are not and get a warning', () => {
    expect(parseConfig(String.raw`name: "a\xffb" "\ud83dc" "\xc3"`).config).toEqual({ name: 'abc' });
    expect(parseConfig(Buffer.from([...Buffer.from('name: "a'), 0xff, ...Buffer.from('é"')])).config).toEqual({
      name: 'aé',
    });
    accepts(String.raw`name: "\xc3\251" "\xc3" "\xa9"`, { name: 'éé' });
    accepts(Buffer.concat([Buffer.from('name: "'), Buffer.from([0xc3]), Buffer.from('\\xa9"')]), { name: 'é' });
    const message = '1:7 the value of name is not valid UTF-8; Triton drops the bytes that are not';
    refuses(String.raw`name: "\xff"`, message);
    refuses(String.raw`name: "\ud83d"`, message);
    refuses(String.raw`name: "\xc3\udc80"`, message);
    refuses('name: "\udc80"', message);
    refuses(Buffer.from([...Buffer.from('name: "'), 0xff, ...Buffer.from('"')]), message);
    accepts(Buffer.from([...Buffer.from('# '), 0xff, ...Buffer.from('\nname: "�"')]), { name: '�' });
  });
});

describe('maps', () => {
  test('are repeated entries with key and value, in a list too', () => {
    accepts('parameters { key: "a" value { string_value: "b" } } parameters: [ { value: {} key: "c" } ]', {
      parameters: { a: { string_value: 'b' }, c: {} },
    });
    accepts('metric_tags { key: "a" value: "b" }', { metric_tags: { a: 'b' } });
    accepts('metric_tags []', { metric_tags: {} });
    accepts('dynamic_batching { priority_queue_policy { key: 2 value { max_queue_size: 3 } } }', {
      dynamic_batching: { priority_queue_policy: { 2: { max_queue_size: 3 } } },
    });
    refuses('metric_tags { a: "b" }', '1:1 metric_tags is a map, whose entries are written with key and value');
    refuses('metric_tags: "a"', '1:14 metric_tags expects entries { key: ... value: ... }, found a plain value');
    refuses('metric_tags { key: "a" key: "b" }', '1:24 key is specified multiple times');
    refuses('metric_tags { key: "" key: "a" }', '1:23 key is specified multiple times');
    refuses('metric_tags { value: "" value: "a" }', '1:25 value is specified multiple times');
    refuses('metric_tags { key: 1 }', '1:20 key expects a string in quotes (string), found 1');
  });

  test('keep the last of equal keys; a missing key or value is the default', () => {
    accepts('metric_tags { key: "a" value: "1" } metric_tags { key: "a" value: "2" }', { metric_tags: { a: '2' } });
    accepts('metric_tags {} metric_tags { key: "a" }', { metric_tags: { '': '', a: '' } });
    accepts('parameters {}', { parameters: { '': {} } });
    accepts('dynamic_batching { priority_queue_policy {} }', {
      dynamic_batching: { priority_queue_policy: { 0: {} } },
    });
  });

  test('take __proto__ as a key like any other', () => {
    const { config } = parseConfig('metric_tags { key: "__proto__" value: "x" }');
    expect(Object.entries(config.metric_tags!)).toEqual([['__proto__', 'x']]);
  });
});

test('an empty file, or one of comments, is an empty configuration', () => {
  for (const text of ['', ' \n', '# nothing', '# a\n#b\n']) accepts(text, {});
});

test('control characters and others beyond ASCII stand only in strings and comments', () => {
  accepts('name: "\x01\x7f"', { name: '\x01\x7f' });
  refuses('\x01name: "x"', '1:1 control character U+0001 outside a string');
  refuses('# a\0b\nname: "x"', '1:4 control character U+0000 outside a string');
  refuses('\xa0name: "x"', '1:1 U+00A0 may stand only in a string or a comment');
  refuses('é', '1:1 é (U+00E9) may stand only in a string or a comment');
  refuses('name: “x”', '1:7 “ and ” are not quotes');
  expect(parseConfig('name: “x”').config).toEqual({ name: 'x' });
  refuses(Buffer.from([0xff, ...Buffer.from('name: "x"')]), '1:1 byte 0xff may stand only in a string or a comment');
});
