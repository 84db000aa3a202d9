import { expect, test } from 'vitest';
import { parseConfig } from '../index.ts';
import { formatPath, parsePath } from './path.ts';

const text = `name: "x"
max_batch_size: - 4
input [
  { name: "a" dims: [ 1, 22 ] },
  { name: "b" dims: 3 dims: [ 4 ] reshape { shape: [ ] } }
]
input { name: "c" }
parameters { key: "k" value { string_value: "first" } }
parameters { value { string_value: "v" } key: "k" }
metric_tags [ { key: "q\\"uote]" value: "t" } ]
dynamic_batching {
  priority_queue_policy { key: 0x2 value { max_queue_size: 9 } }
}
`;
const parsed = parseConfig(text, 'x.pbtxt');

/** The text at a path's position. */
function at(path: string): string | undefined {
  const position = parsed.at(path);
  return position && text.slice(position.start, position.end);
}

test('a plain value is found where it stands', () => {
  expect(parsed.at('name')).toEqual({ line: 1, column: 7, start: 6, end: 9 });
  expect(parsed.at('input[0].dims[1]')).toMatchObject({ line: 4, column: 26 });
  expect(at('max_batch_size')).toBe('- 4');
  expect([0, 1].map((index) => at(`input[1].dims[${index}]`))).toEqual(['3', '4']);
  expect(at('input[2].name')).toBe('"c"');
});

test('a message, map or list is found at its name, an item of a list at its bracket', () => {
  expect(at('dynamic_batching')).toBe('dynamic_batching');
  expect(at('input[1].reshape')).toBe('reshape');
  expect(at('input[1].reshape.shape')).toBe('shape');
  expect(parsed.at('input')).toMatchObject({ line: 3, column: 1 });
  expect(parsed.at('input[0]')).toMatchObject({ line: 4, column: 3, end: parsed.at('input[0]')!.start + 1 });
  expect(parsed.at('input[2]')).toMatchObject({ line: 7, column: 1 });
  expect(at('input[2]')).toBe('input');
  expect(parsed.at('parameters')).toMatchObject({ line: 8 });
});

test('an entry of a map is found by its key, the last of equal ones; .value may be left out', () => {
  expect(at('parameters["k"].value.string_value')).toBe('"v"');
  expect(at('parameters["k"].string_value')).toBe('"v"');
  expect(at('parameters["k"].key')).toBe('"k"');
  expect(parsed.at('parameters["k"]')).toMatchObject({ line: 9, column: 1 });
  expect(at('metric_tags["q\\"uote]"]')).toBe('{');
  expect(at('metric_tags["q\\"uote]"].value')).toBe('"t"');
  expect(at('dynamic_batching.priority_queue_policy["2"].max_queue_size')).toBe('9');
});

test('what the text does not give has no position, but its surroundings do', () => {
  for (const path of [
    'backend',
    'input[3]',
    'input[0].data_type',
    'input.name',
    'name[0]',
    'name.x',
    'parameters[0]',
    'parameters["z"]',
    'input["a"]',
    'name["a"]',
    'nonsense[0]',
    'parameters["k"].value.x',
    'input[0].dims[0].x',
    'a..b',
    '[0]',
    '.name',
    'name.',
    'input[',
    '',
  ])
    expect(parsed.at(path), path).toBeUndefined();
  const nearest = (path: string) => parsed.nearest(path)?.line;
  expect(nearest('input[1].data_type')).toBe(5);
  expect(nearest('parameters["k"].value.x')).toBe(9);
  expect(nearest('input[9]')).toBe(3);
  expect(nearest('backend')).toBeUndefined();
  expect(nearest('a..b')).toBeUndefined();
});

test('an unknown field has a position, too', () => {
  const unknown = parseConfig('foo { bar: 1 }');
  expect(unknown.at('foo')).toMatchObject({ column: 1 });
  expect(unknown.at('foo.bar')).toBeUndefined();
});

test('an offset leads back to the path of its field', () => {
  const read = parseConfig(
    'name: "m"\ninput [\n  { dims: [ 1, 2 ] }\n]\nparameters { key: "k" value { string_value: "v" } }\n',
  );
  const pathOf = (part: string) => read.pathAt(read.text.indexOf(part));
  expect(['name', '"m"', 'input', '{ dims', 'dims', '2', ']\np', 'key', 'string'].map(pathOf)).toEqual([
    ...['name', 'name', 'input', 'input[0]', 'input[0].dims', 'input[0].dims[1]', 'input'],
    ...['parameters["k"].key', 'parameters["k"].value.string_value'],
  ]);
  expect(read.pathAt(read.text.length)).toBe('');
});

test('paths are read as they are written', () => {
  for (const path of ['name', 'input[0].dims[12]', 'parameters["a.b[\\"]"].value', 'metric_tags[""]'])
    expect(formatPath(parsePath(path)!)).toBe(path);
  for (const path of [
    '',
    '.a',
    'a.',
    'a..b',
    '[0]',
    'a[',
    'a[]',
    'a[x]',
    'a["x]',
    'a["\\x"]',
    'a b',
    'a]b',
    '["k"]',
    'a[0]b',
  ])
    expect(parsePath(path), path).toBeUndefined();
});
