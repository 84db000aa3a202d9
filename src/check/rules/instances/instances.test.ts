import { ensemble, floatsInAndOut, header, member, onnx, python, step, testRule } from '../../testing.ts';

const group = (inner: string) => python(`instance_group [ { ${inner} } ]`);

testRule('instances/kind-unnamed', {
  fires: [[group('kind: 9'), ['m/config.pbtxt:4:26 error instance_group[0] has kind 9, which stands for none']]],
  silent: [[group('kind: 2')], [group('kind: KIND_CPU')], [group('')]],
});

testRule('instances/gpus-unwanted', {
  fires: [
    [
      group('name: "g" kind: KIND_CPU gpus: [ 0 ]'),
      ["m/config.pbtxt:4:45 error instance group 'g' has kind KIND_CPU and lists gpus [0]"],
    ],
    [
      group('kind: KIND_MODEL gpus: [ 0, 1 ]'),
      ['m/config.pbtxt:4:37 error instance_group[0] has kind KIND_MODEL and lists gpus [0, 1]'],
    ],
  ],
  silent: [[group('kind: KIND_CPU')], [group('kind: KIND_GPU gpus: [ 0 ]')]],
});

testRule('instances/gpu-missing', {
  fires: [
    [group('gpus: [ -1 ]'), ['m/config.pbtxt:4:20 error instance_group[0] lists gpus [-1]; ids count from 0']],
    [
      group('kind: KIND_GPU'),
      ['m/config.pbtxt:4:26 error instance_group[0] asks for kind KIND_GPU, the machine has no usable GPU'],
      { gpus: [] },
    ],
    [
      group('gpus: [ 0, 3 ]'),
      ['m/config.pbtxt:4:20 error instance_group[0] asks for gpus [0, 3], the machine has GPU 0, 1'],
      { gpus: [0, 1] },
    ],
    [
      group('kind: KIND_GPU'),
      ['m/config.pbtxt:4:26 warning instance_group[0] with kind KIND_GPU loads only on a machine with such a GPU'],
    ],
  ],
  silent: [
    [group('kind: KIND_GPU'), { gpus: [0] }],
    [group('count: 1'), { gpus: [] }],
    [group('kind: KIND_AUTO'), { gpus: [] }],
  ],
});

testRule('instances/profile', {
  fires: [
    [
      group('profile: [ "0" ]'),
      ["m/config.pbtxt:4:20 error instance_group[0] sets profile, which is for TensorRT; the backend is 'python'"],
    ],
    [
      { 'm/config.pbtxt': 'backend: "tensorrt"\ninstance_group { profile: "max" }', 'm/1/model.plan': 1 },
      ["m/config.pbtxt:2:27 error instance_group[0] has profile 'max', it must be an index such as 0"],
    ],
  ],
  silent: [[{ 'm/config.pbtxt': 'backend: "tensorrt"\ninstance_group { profile: "1" }', 'm/1/model.plan': 1 }]],
});

const resource = (inner: string) => `rate_limiter { resources [ { name: "r" count: 1 }, { ${inner} } ] }`;

testRule('instances/resource-clash', {
  fires: [
    [
      group(resource('name: "r" global: true count: 1')),
      ["m/config.pbtxt:4:71 warning resource 'r' is declared both global and for each device"],
    ],
  ],
  silent: [[group(resource('name: "s" global: true'))], [group(resource('name: "r" count: 2'))]],
});

testRule('instances/passive-only', {
  fires: [
    [group('passive: true'), ['m/config.pbtxt:4:29 error all instance groups are passive: nothing runs the requests']],
  ],
  silent: [[python('instance_group [ { passive: true }, { count: 1 } ]')], [python()]],
});

const graph = header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] });

testRule('instances/cpu-default', {
  fires: [
    [
      onnx(floatsInAndOut, graph),
      ['m/config.pbtxt:1:1 info Triton runs 2 CPU instances: no count is given'],
      { gpus: [] },
    ],
    [
      onnx(`${floatsInAndOut}\ninstance_group { kind: KIND_CPU count: 0 }`, graph),
      ['m/config.pbtxt:5:40 info Triton runs 2 CPU instances: count is 0'],
      { gpus: [] },
    ],
  ],
  silent: [
    [onnx(floatsInAndOut, graph)],
    [onnx(floatsInAndOut, graph), { gpus: [0] }],
    [onnx(`${floatsInAndOut}\ninstance_group { count: 1 }`, graph), { gpus: [] }],
    [python(), { gpus: [] }],
  ],
});

testRule('instances/beyond-cores', {
  fires: [
    [group('kind: KIND_CPU count: 9'), ['m/config.pbtxt:4:42 warning 9 CPU instances share 8 cores'], { cores: 8 }],
    [group('count: 2'), ['m/config.pbtxt:4:27 warning 2 CPU instances share 1 core'], { cores: 1, gpus: [] }],
  ],
  silent: [
    [group('kind: KIND_CPU count: 8'), { cores: 8 }],
    [group('kind: KIND_CPU count: 9')],
    [group('kind: KIND_GPU count: 9'), { cores: 8, gpus: [0] }],
    [group('count: 9'), { cores: 8 }],
    [ensemble([step('a', 'x', 'x', 'y', 'y')], member('a')), { cores: 1 }],
  ],
});
