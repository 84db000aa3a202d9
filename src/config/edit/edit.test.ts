import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyConfig } from '../fixtures/arbitrary.ts';
import { type ConfigEdit, editConfig, parseAssignment, parseConfig, printConfig } from '../index.ts';

const text = `# header
name: "finbert" # the name
max_batch_size: 8   # why

input [
  {
    name: "a" # first
    dims: [ 1, 2 ] # dims
  }, # end a
  { name: "b" } # end b
]
output { name: "o" }
instance_group [{ kind: KIND_CPU }]
parameters { key: "x" value { string_value: "1" } }
`;

/** The lines that an edit removed (-) and added (+). */
function changed(edits: readonly ConfigEdit[], before = text): string[] {
  const [old, now] = [before.split('\n'), editConfig(before, edits).split('\n')];
  let same = 0;
  while (same < old.length && old[same] === now[same]) same++;
  while (old.length > same && old.at(-1) === now.at(-1)) {
    old.pop();
    now.pop();
  }
  return [...old.slice(same).map((line) => `-${line}`), ...now.slice(same).map((line) => `+${line}`)];
}

const assigned = (assignment: string, before = text) => changed([parseAssignment(assignment)], before);
const removed = (path: string, before = text) => changed([{ path, value: undefined }], before);

describe('a value is set', () => {
  test('where it stands, and nothing else changes', () => {
    expect(assigned('max_batch_size=16')).toEqual(['-max_batch_size: 8   # why', '+max_batch_size: 16   # why']);
    expect(assigned('input[0].dims=-1,3')).toEqual(['-    dims: [ 1, 2 ] # dims', '+    dims: [ -1, 3 ] # dims']);
    expect(assigned('input[0].dims[1]=7')).toEqual(['-    dims: [ 1, 2 ] # dims', '+    dims: [ 1, 7 ] # dims']);
    expect(assigned('parameters["x"].value.string_value=a=b')).toEqual([
      '-parameters { key: "x" value { string_value: "1" } }',
      '+parameters { key: "x" value { string_value: "a=b" } }',
    ]);
    expect(assigned('parameters["x"].string_value=""')[1]).toBe('+parameters { key: "x" value { string_value: "" } }');
    expect(assigned('output[0].name="two words"')).toEqual(['-output { name: "o" }', '+output { name: "two words" }']);
    expect(assigned('parameters["x"].key=y')[1]).toBe('+parameters { key: "y" value { string_value: "1" } }');
  });

  test('of a scalar given twice, in its last place', () => {
    expect(editConfig('max_batch_size: 0\nmax_batch_size: 4\n', [{ path: 'max_batch_size', value: 8 }])).toBe(
      'max_batch_size: 0\nmax_batch_size: 8\n',
    );
  });

  test('of a list spread over fields, in its first place', () => {
    expect(editConfig('input { dims: 1 dims: [ 2, 3 ] }', [{ path: 'input[0].dims', value: [9n] }])).toBe(
      'input { dims: [ 9 ] }',
    );
    expect(editConfig('input { }\noutput { }\ninput { }\n', [{ path: 'input', value: [] }])).toBe(
      'input [ ]\noutput { }\n',
    );
  });
});

describe('a value is added', () => {
  test('behind the fields that precede it in the schema', () => {
    expect(assigned('backend=onnxruntime')).toEqual(['+backend: "onnxruntime"']);
    expect(editConfig(text, [parseAssignment('backend=b')])).toContain('# the name\nbackend: "b"\nmax_batch_size');
    expect(assigned('dynamic_batching.max_queue_delay_microseconds=100')).toEqual([
      '+dynamic_batching { max_queue_delay_microseconds: 100 }',
    ]);
    expect(assigned('input[0].data_type=TYPE_FP32')).toEqual(['+    data_type: TYPE_FP32']);
    expect(assigned('input[1].data_type=TYPE_FP32')).toEqual([
      '-  { name: "b" } # end b',
      '+  { name: "b" data_type: TYPE_FP32 } # end b',
    ]);
    expect(assigned('instance_group[0].name=g')[1]).toBe('+instance_group [{ name: "g" kind: KIND_CPU }]');
    expect(assigned('version_policy.specific.versions[0]=3')).toEqual([
      '+version_policy { specific { versions: [ 3 ] } }',
    ]);
    expect(assigned('metric_tags["k"]=v')).toEqual(['+metric_tags { key: "k" value: "v" }']);
    expect(assigned('optimization={ cuda { graphs: true } }')).toEqual(['+optimization { cuda { graphs: true } }']);
    expect(assigned('dynamic_batching={ }')).toEqual(['+dynamic_batching { }']);
    expect(assigned('model_warmup[0].inputs["x"].zero_data=true')).toEqual([
      '+model_warmup [',
      '+  { inputs { key: "x" value { zero_data: true } } }',
      '+]',
    ]);
  });

  test('from JSON', () => {
    expect(assigned('instance_group=[{"count": 2, "kind": "KIND_GPU"}]')).toEqual([
      '-instance_group [{ kind: KIND_CPU }]',
      '+instance_group [',
      '+  {',
      '+    kind: KIND_GPU',
      '+    count: 2',
      '+  }',
      '+]',
    ]);
    expect(assigned('parameters={"k": {"string_value": "v"}}')[1]).toBe(
      '+parameters { key: "k" value { string_value: "v" } }',
    );
    expect(assigned('parameters["y"]={"string_value": "v"}')).toEqual([
      '+parameters { key: "y" value { string_value: "v" } }',
    ]);
    expect(assigned('input[0].dims=[9007199254740993]')[1]).toContain('9007199254740993');
    expect(() => parseAssignment('dynamic_batching={"max_queue_delay": 1}')).toThrow(
      'dynamic_batching.max_queue_delay: ModelDynamicBatching has no field max_queue_delay',
    );
    expect(() => parseAssignment('input=[1]')).toThrow('input[0] expects an object (ModelInput), found 1');
  });

  test('behind the last item of a list, in the way the list is written', () => {
    expect(assigned('input[0].dims[2]=7')).toEqual(['-    dims: [ 1, 2 ] # dims', '+    dims: [ 1, 2, 7 ] # dims']);
    expect(assigned('input[2].name=c')).toEqual([
      '-  { name: "b" } # end b',
      '+  { name: "b" }, # end b',
      '+  { name: "c" }',
    ]);
    expect(assigned('output[1]={ name: "p" }')).toEqual(['+output { name: "p" }']);
    expect(assigned('instance_group[1].count=2')[1]).toBe('+instance_group [{ kind: KIND_CPU }, { count: 2 }]');
    expect(assigned('parameters["y"].string_value=2')).toEqual([
      '+parameters { key: "y" value { string_value: "2" } }',
    ]);
    expect(assigned('input[0].dims[0]=7', 'input { dims: [ ] }')[1]).toBe('+input { dims: [ 7 ] }');
    expect(assigned('metric_tags["a"]=b', 'metric_tags [ { key: "c" value: "d" } ]')[1]).toBe(
      '+metric_tags [ { key: "c" value: "d" }, { key: "a" value: "b" } ]',
    );
  });

  test('into an empty text or block, and before the first field', () => {
    expect(editConfig('', [{ path: 'name', value: 'x' }])).toBe('name: "x"\n');
    expect(editConfig('# only this', [{ path: 'name', value: 'x' }])).toBe('# only this\nname: "x"\n');
    expect(editConfig('# head\nplatform: "y"\n', [{ path: 'name', value: 'x' }])).toBe(
      '# head\nname: "x"\nplatform: "y"\n',
    );
    expect(editConfig('input { dims: 1 }', [{ path: 'input[0].name', value: 'x' }])).toBe(
      'input { name: "x" dims: 1 }',
    );
    expect(editConfig('dynamic_batching{}', [{ path: 'dynamic_batching.preserve_ordering', value: true }])).toBe(
      'dynamic_batching{ preserve_ordering: true }',
    );
    expect(
      editConfig('  dynamic_batching {\n    # none\n  }\n', [
        { path: 'dynamic_batching.preserve_ordering', value: true },
      ]),
    ).toBe('  dynamic_batching {\n    # none\n    preserve_ordering: true\n  }\n');
  });

  test("with the text's line ends", () => {
    expect(
      editConfig('name: "x"\r\ninput [\r\n  { name: "a" }\r\n]\r\n', [
        { path: 'backend', value: 'b' },
        { path: 'input[1]', value: { name: 'c', dims: [1] } },
      ]),
    ).toBe(
      'name: "x"\r\nbackend: "b"\r\ninput [\r\n  { name: "a" },\r\n  {\r\n    name: "c"\r\n    dims: [ 1 ]\r\n  }\r\n]\r\n',
    );
  });
});

describe('a value is removed', () => {
  test('with its line and the comment behind it', () => {
    expect(removed('max_batch_size')).toEqual(['-max_batch_size: 8   # why']);
    expect(removed('input[0].dims')).toEqual(['-    dims: [ 1, 2 ] # dims']);
    expect(removed('parameters["x"]')).toEqual(['-parameters { key: "x" value { string_value: "1" } }']);
    expect(removed('input')).toHaveLength(7);
    expect(removed('instance_group[0].kind')[1]).toBe('+instance_group [{ }]');
    expect(removed('parameters["x"].string_value')[1]).toBe('+parameters { key: "x" value { } }');
    expect(removed('name', 'name: "x"; platform: "y"')).toEqual(['-name: "x"; platform: "y"', '+platform: "y"']);
    expect(editConfig('name: "x"', [{ path: 'name', value: undefined }])).toBe('');
    expect(removed('name', 'platform: "y" name: "x"')[1]).toBe('+platform: "y" ');
  });

  test('from a list with its comma', () => {
    expect(removed('input[0]')).toEqual([
      '-  {',
      '-    name: "a" # first',
      '-    dims: [ 1, 2 ] # dims',
      '-  }, # end a',
    ]);
    expect(removed('input[1]')).toEqual(['-  }, # end a', '-  { name: "b" } # end b', '+  } # end a']);
    expect(removed('input[0].dims[0]')[1]).toBe('+    dims: [ 2 ] # dims');
    expect(removed('input[0].dims[1]')[1]).toBe('+    dims: [ 1 ] # dims');
    expect(removed('output[0]')).toEqual(['-output { name: "o" }']);
    expect(removed('input[0].dims[0]', 'input { dims: [ 1 ] }')[1]).toBe('+input { }');
    expect(removed('metric_tags["a"]', 'metric_tags [ { key: "a" }, { key: "b" }, { key: "a" } ]')[1]).toBe(
      '+metric_tags [ { key: "b" } ]',
    );
  });

  test('or was not there', () => {
    for (const path of [
      'backend',
      'input[2]',
      'input[5].name',
      'parameters["z"]',
      'parameters["z"].string_value',
      'dynamic_batching.preserve_ordering',
    ])
      expect(removed(path), path).toEqual([]);
  });
});

test('several edits are made one after the other', () => {
  const edits = ['max_batch_size=4', 'dynamic_batching={}', 'dynamic_batching.preferred_batch_size=2,4'].map(
    parseAssignment,
  );
  expect(parseConfig(editConfig(text, edits)).config).toMatchObject({
    max_batch_size: 4,
    dynamic_batching: { preferred_batch_size: [2, 4] },
  });
  expect(editConfig(text, [])).toBe(text);
});

describe('an edit is refused', () => {
  test.each<[string, unknown, string]>([
    ['max batch', 4, 'max batch is not a path of fields'],
    ['maxBatchSize', 4, 'maxBatchSize: ModelConfig has no field maxBatchSize'],
    ['input[0].nme', 4, 'input[0].nme: ModelInput has no field nme'],
    ['input[9].nme', undefined, 'input[9].nme'],
    ['max_batch_size', '4', 'max_batch_size expects a whole number (int32), found "4"'],
    ['max_batch_size.x', 4, 'max_batch_size.x: max_batch_size is a plain value and has no parts'],
    ['max_batch_size[0]', 4, 'max_batch_size is a plain value and has no parts'],
    ['input.name', 'x', 'input is a list: name one of its items like input[0]'],
    ['input[4].name', 'x', 'input has 2 items; the next is input[2]'],
    ['input[0].dims[0].x', 'x', 'dims holds plain values, without parts'],
    ['parameters.x', 'x', 'parameters is a map: name one of its entries like parameters["key"]'],
    ['parameters["z"].key', 'x', 'parameters has no entry z'],
    ['metric_tags["z"].value.x', 'x', 'metric_tags holds plain values, without parts'],
    ['dynamic_batching[0]', {}, 'ModelDynamicBatching is not a list or map'],
    ['version_policy.specific.versions.x', 1, 'versions is a list: name one of its items like versions[0]'],
    ['version_policy.specific.versions[1]', 1, 'versions has 0 items; the next is versions[0]'],
    ['version_policy.specific.nothing', 1, 'ModelVersionPolicy.Specific has no field nothing'],
    ['version_policy.latest.num_versions.x', 1, 'num_versions is a plain value and has no parts'],
    ['dynamic_batching.priority_queue_policy.x', {}, 'priority_queue_policy is a map'],
    ['dynamic_batching', 5, 'dynamic_batching expects an object (ModelDynamicBatching), found 5'],
  ])('%s', (path, value, message) => {
    if (value === undefined) expect(editConfig(text, [{ path, value }])).toBe(text);
    else expect(() => editConfig(text, [{ path, value }])).toThrow(message);
  });

  test('when Triton would refuse the result, or the text is no config', () => {
    const sequence = 'sequence_batching { }\n';
    expect(() => editConfig(sequence, [{ path: 'dynamic_batching', value: {} }])).toThrow(
      'sequence_batching and dynamic_batching exclude one another',
    );
    expect(() => editConfig('input {', [{ path: 'name', value: 'x' }])).toThrow(
      'input opens with { here and is not closed',
    );
    expect(() => editConfig('input: 5', [{ path: 'input[0].name', value: 'x' }])).toThrow(
      'the text gives input a plain value, not a block { }',
    );
    expect(editConfig('nmae: "x"\n', [{ path: 'name', value: 'x' }])).toBe('nmae: "x"\nname: "x"\n');
  });
});

describe('an assignment', () => {
  test('is read by the type of its field', () => {
    expect(parseAssignment('backend=python')).toEqual({ path: 'backend', value: 'python' });
    expect(parseAssignment(' max_batch_size = 0x10 ')).toEqual({ path: 'max_batch_size', value: 16 });
    expect(parseAssignment('input[0].data_type=TYPE_FP32')).toEqual({ path: 'input[0].data_type', value: 'TYPE_FP32' });
    expect(parseAssignment('input[0].dims=')).toEqual({ path: 'input[0].dims', value: [] });
    expect(parseAssignment('input[0].dims=[1, 2]').value).toEqual([1, 2]);
    expect(parseAssignment('input[0].dims[0]=9223372036854775807').value).toBe(9223372036854775807n);
    expect(parseAssignment('input=[{ name: "x" }]').value).toEqual([{ name: 'x' }]);
    expect(parseAssignment('batch_input[0].target_name=a, "b c"').value).toEqual(['a', 'b c']);
    expect(parseAssignment('runtime=').value).toBe('');
    expect(parseAssignment('parameters["a=b"].string_value=[x]')).toEqual({
      path: 'parameters["a=b"].string_value',
      value: '[x]',
    });
    expect(parseAssignment('metric_tags["a"]=b')).toEqual({ path: 'metric_tags["a"]', value: 'b' });
    expect(parseAssignment('parameters["a"]={ string_value: "b" }').value).toEqual({ string_value: 'b' });
    expect(parseAssignment('dynamic_batching.priority_queue_policy["2"].max_queue_size=3').value).toBe(3);
  });

  test.each([
    ['max_batch_size', 'max_batch_size is not an assignment path=value'],
    ['max batch=4', 'max batch=4 is not an assignment path=value'],
    ['max_batch=4', 'max_batch: ModelConfig has no field max_batch'],
    ['max_batch_size=four', 'max_batch_size expects a whole number (int32), found four'],
    ['max_batch_size=4 name: "x"', 'name stands behind the value'],
    ['max_batch_size=', 'expected a value for max_batch_size, found the end of the file'],
    ['max_batch_size[0]=4', 'max_batch_size[0]: max_batch_size is a plain value'],
    ['input.name=4', 'input.name: input is a list'],
    ['dynamic_batching[0]=4', 'dynamic_batching[0]: dynamic_batching is a message'],
    ['parameters.x=4', 'parameters.x: parameters is a map'],
    ['metric_tags["a"].value.x=4', 'metric_tags["a"].value.x: value is a plain value'],
    ['name="open', 'a string is not closed on its line'],
    ['input[0][1]=4', 'input[0][1] leads through a plain value'],
  ])('is refused: %s', (assignment, message) => {
    expect(() => parseAssignment(assignment)).toThrow(message);
  });
});

test('setting, then reading, any field of any configuration', () => {
  fc.assert(
    fc.property(anyConfig, anyConfig, fc.nat(), (config, other, pick) => {
      const names = Object.keys(other) as (keyof typeof other)[];
      const name = names[pick % names.length];
      if (name === undefined) return;
      const rest = Object.fromEntries(Object.entries(config).filter(([key]) => !/_batching$|_scheduling$/.test(key)));
      const commented = printConfig(rest).replaceAll('\n', ' # kept\n');
      const edited = editConfig(commented, [{ path: name, value: other[name] }]);
      expect(parseConfig(edited).config).toEqual({ ...rest, [name]: other[name] });
      const { [name]: _, ...without } = rest as typeof other;
      expect(parseConfig(editConfig(edited, [{ path: name, value: undefined }])).config).toEqual(without);
    }),
    { numRuns: 200 },
  );
});

test('setting and removing any value inside a configuration', () => {
  fc.assert(
    fc.property(anyConfig, fc.nat(), (config, pick) => {
      const paths = leaves(config, '');
      const [path, value] = paths[pick % Math.max(1, paths.length)] ?? [];
      if (path === undefined) return;
      const printed = printConfig(config);
      expect(parseConfig(editConfig(printed, [{ path, value }])).config).toEqual(config);
      const without = editConfig(printed, [{ path, value: undefined }]);
      expect(parseConfig(without).diagnostics).toEqual([]);
      if (!path.endsWith(']')) expect(parseConfig(without).at(path)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

/** Paths and values of all plain values. */
function leaves(value: unknown, path: string): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => leaves(item, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([name, item]) => {
    const isKey =
      /(parameters|metric_tags|cc_model_filenames|inputs|input_map|output_map|priority_queue_policy|graph_spec\[\d\]\.input|graph_lower_bound\.input)$/.test(
        path,
      );
    return leaves(item, isKey ? `${path}[${JSON.stringify(name)}]` : path === '' ? name : `${path}.${name}`);
  });
}
