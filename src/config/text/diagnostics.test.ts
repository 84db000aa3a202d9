import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../base/index.ts';
import { encodeText, parseConfig, textRules } from '../index.ts';

function complaints(text: string): string[] {
  return parseConfig(text).diagnostics.map(
    ({ where, message, fix }) =>
      `${where.line}:${where.column} ${where.path ?? '-'}: ${message}${fix ? ` -> ${fix.text}` : ''}`,
  );
}

function applied(text: string, diagnostics: readonly Diagnostic[]): string {
  const edits = diagnostics.flatMap((one) => one.fix?.edits ?? []).sort((a, b) => b.start - a.start);
  return edits.reduce(
    (result, { start, end, text: added }) => result.slice(0, start) + added + result.slice(end),
    text,
  );
}

test('a finding says where it stands, of which rule it is, and what to do', () => {
  const [found] = parseConfig('name: "x"\ninput [\n  { nam: "a" }\n]', 'models/x/config.pbtxt').diagnostics;
  expect(found).toEqual({
    code: 'config/unknown-field',
    severity: 'error',
    message: 'ModelInput has no field nam',
    where: { file: 'models/x/config.pbtxt', line: 3, column: 5, path: 'input[0].nam' },
    fix: { text: 'write name', edits: [{ start: 22, end: 25, text: 'name' }] },
  });
});

describe('an unknown field', () => {
  test('of nearly a known name leads to that name', () => {
    expect(complaints('maxBatchSize: 4')).toEqual([
      '1:1 maxBatchSize: ModelConfig has no field maxBatchSize -> write max_batch_size',
    ]);
    expect(complaints('inputs { }')).toEqual(['1:1 inputs: ModelConfig has no field inputs -> write input']);
    expect(complaints('instance_groups { }')[0]).toContain('-> write instance_group');
  });

  test('of a message further in leads there', () => {
    expect(complaints('preferred_batch_size: 4')).toEqual([
      '1:1 preferred_batch_size: ModelConfig has no field preferred_batch_size -> ' +
        'put it inside: dynamic_batching.preferred_batch_size, sequence_batching.oldest.preferred_batch_size',
    ]);
    expect(complaints('parameters { key: "a" string_value: "b" }')).toEqual([
      '1:23 parameters["a"].string_value: parameters entry has no field string_value -> put it inside: value.string_value',
    ]);
  });

  test('of a message around it leads to the missing bracket', () => {
    expect(complaints('dynamic_batching {\n  preserve_ordering: true\ninput { name: "x" }')).toEqual([
      '1:18 dynamic_batching: dynamic_batching opens with { here and is not closed -> add the missing }',
      '3:1 dynamic_batching.input: ModelDynamicBatching has no field input -> input is a field of ModelConfig: close the block before it',
    ]);
  });

  test('like no other gets the list', () => {
    expect(complaints('version_policy { foobarbaz: 1 }')[0]).toContain(
      '-> remove it, or write one of latest, all, specific',
    );
    expect(complaints('version_policy { all { foobarbaz: 1 } }')[0]).toContain(
      '-> remove it, or write one of none: this message has no fields',
    );
    expect(complaints('foobarbaz: 1')[0]).toMatch(/write one of name, platform, .* and 14 more$/);
    expect(complaints(`${'x'.repeat(99)}: 1`)[0]).toContain(`ModelConfig has no field ${'x'.repeat(60)}...`);
  });
});

test('a wrong value leads to the right spelling', () => {
  expect(complaints('input { data_type: FP32 }')).toEqual([
    '1:20 input[0].data_type: data_type has no value FP32 -> write TYPE_FP32',
  ]);
  expect(complaints('instance_group { kind: CPU }')[0]).toContain('-> write KIND_CPU');
  expect(complaints('instance_group { kind: -inf }')[0]).toContain('kind has no value -inf');
  expect(complaints('dynamic_batching { default_queue_policy { timeout_action: 1.0 } }')[0]).toContain(
    '-> write one of REJECT, DELAY',
  );
  expect(complaints('max_batch_size: -4.0')[0]).toContain('found -4.0 -> write -4');
  expect(complaints('max_batch_size: "8"')[0]).toContain('-> write 8');
  expect(complaints('name: finbert')[0]).toContain('-> write "finbert"');
  expect(complaints('input { optional: yes }')[0]).toContain('-> write true');
  expect(complaints('input { optional: 7 }')[0]).toContain('-> write true or false');
  expect(complaints('max_batch_size: 4294967296')[0]).toContain('-> give -2147483648 to 2147483647');
});

test('blocks and plain values are told apart', () => {
  expect(complaints('dynamic_batching: true')).toEqual([
    '1:19 dynamic_batching: dynamic_batching expects a block { } (ModelDynamicBatching), found a plain value -> write dynamic_batching { ... }',
  ]);
  expect(complaints('max_batch_size { }')).toEqual([
    '1:1 max_batch_size: a colon is missing after max_batch_size -> write max_batch_size:',
    '1:16 max_batch_size: max_batch_size expects a plain value (int32), found a block { }',
  ]);
});

test('edits of fixes, applied, leave what Triton accepts', () => {
  const text = `\ufeff// A model
name = “finbert”
"platform": "onnxruntime_onnx" ;;
maxBatchSize: +8
inputs [ { name: "a" data_type: FP32 dims [ 1, 2, ] } { name: "b", data_type: "TYPE_INT64"; dims: [ 1; 2 ] optional: TRUE >, ]
outputs: [ , { name: "c" data_type: TYPE_FP32 dims: "3" } ] }
instance_group { count: 1kind: KIND_CPU }
`;
  let fixed = text;
  for (let round = 0; round < 3; round++) fixed = applied(fixed, parseConfig(fixed).diagnostics);
  expect(parseConfig(fixed).diagnostics).toEqual([]);
  expect(parseConfig(fixed).config).toMatchObject({
    name: 'finbert',
    max_batch_size: 8,
    input: [{}, { optional: true }],
  });
});

describe('after an error reading goes on', () => {
  test('so that one run reports them all', () => {
    const text = `name: finbert
max_batch_size 8
input [
  { name: "a" data_typ: TYPE_FP32 dims: [ 1, x ] }
  { name: "b" data_type: TYPE_FP33 dims: [ 1 }
]
output { name: "c" dims: 1.5 } }
backend: @ "x"
parameters { string_value: "b" }
metric_tags: [ 3 ]
max_batch_size:
platform: "y"
`;
    expect(complaints(text)).toEqual([
      '1:7 name: name expects a string in quotes (string), found finbert -> write "finbert"',
      '2:1 max_batch_size: a colon is missing after max_batch_size -> write max_batch_size:',
      '4:15 input[0].data_typ: ModelInput has no field data_typ -> write data_type',
      '4:46 input[0].dims[1]: dims expects a whole number (int64), found x',
      '5:3 input[1]: a comma is missing between two items of the list input -> put a comma between them',
      '5:26 input[1].data_type: data_type has no value TYPE_FP33 -> write TYPE_FP32',
      '5:42 input[1].dims: dims opens with [ here and is not closed before } -> add the missing ]',
      '7:26 output[0].dims[0]: dims expects a whole number (int64), found 1.5',
      '7:32 -: } closes nothing -> remove it',
      '8:10 -: expected a value for backend, found @',
      '9:1 parameters[""]: parameters is a map, whose entries are written with key and value -> write parameters { key: "string_value" value { ... } }',
      '10:16 metric_tags: metric_tags expects entries { key: ... value: ... }, found a plain value',
      '12:1 platform: max_batch_size has no value',
    ]);
  });

  test('in the parts that are whole', () => {
    const { config } = parseConfig(
      'name: x\nmax_batch_size: 4\ninput [ { nam: 1 dims: [ 1 }\n]\noutput { name: "y" }\n) backend: "z"\nruntime: "r"',
    );
    expect(config).toEqual({
      max_batch_size: 4,
      input: [{ dims: [1] }],
      output: [{ name: 'y' }],
      backend: 'z',
      runtime: 'r',
    });
  });

  test('where brackets do not match', () => {
    expect(complaints('input [ { name: "x" ]\noutput { name: "y" }')).toEqual([
      '1:9 input[0]: input opens with { here and is not closed before ] -> add the missing }',
    ]);
    expect(complaints('input [ { name: "x" }\noutput { name: "y" }')).toEqual([
      '1:7 input: input opens with [ here and is not closed before output -> add the missing ]',
    ]);
    expect(complaints('input { name: }')).toEqual([
      '1:15 input[0]: expected a value for name, found } -> undefined'.replace(' -> undefined', ''),
    ]);
    expect(complaints('optimization { cuda { graphs: true')).toEqual([
      '1:21 optimization.cuda: cuda opens with { here and is not closed -> add the missing }',
    ]);
    expect(complaints('input ]')).toEqual([
      '1:7 -: expected a value for input, found ]',
      '1:7 -: expected a field name, found ]',
    ]);
    expect(complaints('max_batch_size: - "4"')[0]).toBe('1:19 -: expected a number after the sign, found "4"');
  });
});

test('past a hundred errors the rest is only counted as more', () => {
  const { diagnostics } = parseConfig('foo: 1\n'.repeat(100_000));
  expect(diagnostics).toHaveLength(101);
  expect(diagnostics[100]).toMatchObject({
    code: 'config/too-many-errors',
    message: 'only the first 100 errors are listed',
  });
  expect(parseConfig('foo: 1\n'.repeat(100)).diagnostics).toHaveLength(100);
});

test('nesting beyond a hundred levels is reported and skipped', () => {
  const [, tooDeep] = parseConfig(`${'a { '.repeat(200)}${'} '.repeat(200)} name: "x"`).diagnostics;
  expect(tooDeep!.message).toBe('a is nested more than 100 levels deep');
  expect(parseConfig(`${'a { '.repeat(200)}${'} '.repeat(200)} name: "x"`).config).toEqual({ name: 'x' });
});

test('every rule has its meaning', () => {
  for (const meaning of Object.values(textRules)) expect(meaning).toMatch(/^[A-Z].*\.$/);
});

describe('a file that is no text', () => {
  const text = 'backend: "python" # where it runs\nmax_batch_size: 8\n';
  const says = (bytes: Uint8Array) =>
    parseConfig(bytes).diagnostics.map(({ code, message, fix, where }) => [
      code,
      message,
      fix,
      where.line,
      where.column,
    ]);

  test('in UTF-16 says so once, with a mark and without', () => {
    const fix = { text: 'save the file as UTF-8 without a mark' };
    const once = [['config/encoding', 'the file is UTF-16, which Triton cannot read', fix, 1, 1]];
    expect(says(Buffer.from(`\ufeff${text}`, 'utf16le'))).toEqual(once);
    expect(says(Buffer.from(`\ufeff${text}`, 'utf16le').swap16())).toEqual(once);
    expect(says(Buffer.from(text, 'utf16le'))).toEqual(once);
    expect(says(Buffer.from(text, 'utf16le').swap16())).toEqual(once);
    expect(says(Buffer.from('\ufeff名: 1 模: 2', 'utf16le'))).toEqual(once);
  });

  test('of another kind says so once', () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 167) % 256);
    expect(says(bytes)).toEqual([
      [
        'config/encoding',
        expect.stringMatching(/^the file is no text: \d+ of its first \d+ characters are control characters$/),
        { text: 'put the config.pbtxt there that was meant' },
        1,
        1,
      ],
    ]);
  });

  test('is not one with comments in another encoding, or with a stray character', () => {
    const foreign = Buffer.concat([
      Buffer.from('# '),
      Buffer.from(Array(60).fill(0xb5)),
      Buffer.from('\nmax_batchsize: 1'),
    ]);
    expect(says(foreign).map(([code]) => code)).toEqual(['config/unknown-field']);
    expect(says(Buffer.from('name: "x"\0\0')).map(([, message]) => message)).toEqual([
      'control character U+0000 outside a string',
    ]);
  });
});

test('text that was edited goes back to bytes without loss', () => {
  const bytes = Buffer.from([0x23, 0xe9, 0x20, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0x0a]);
  expect(Buffer.from(encodeText(parseConfig(bytes).text))).toEqual(bytes);
});
