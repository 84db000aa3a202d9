import type { ServerCase } from './cases.ts';

/** Each instance tells what it is by a metric, which all can see. */
const source = `import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        Family = pb_utils.MetricFamily
        self.family = Family("instance", "An instance", Family.GAUGE)
        labels = {key: args["model_" + key] for key in ("name", "instance_name", "instance_kind", "instance_device_id")}
        self.metric = self.family.Metric(labels=labels)
        self.metric.increment(1)

    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", r.inputs()[0].as_numpy())]) for r in requests]
`;
const config = (groups: string) => `backend: "python" max_batch_size: 4
input { name: "x" data_type: TYPE_STRING dims: [ 1 ] } output { name: "y" data_type: TYPE_STRING dims: [ 1 ] }
${groups}`;

/** Groups by the name of a model. */
const groups: Readonly<Record<string, string>> = {
  none: '',
  empty: 'instance_group { }',
  auto: 'instance_group { count: 2 }',
  cpu: 'instance_group { kind: KIND_CPU count: 3 }',
  model: 'instance_group { kind: KIND_MODEL count: 2 }',
  named: 'instance_group { name: "first" kind: KIND_CPU } instance_group { name: "second" kind: KIND_CPU count: 2 }',
  two: 'instance_group { kind: KIND_CPU } instance_group { kind: KIND_MODEL }',
  zero: 'instance_group { kind: KIND_CPU count: 0 }',
  negative: 'instance_group { kind: KIND_CPU count: -3 }',
  gpu: 'instance_group { kind: KIND_GPU }',
  gpu_id: 'instance_group { kind: KIND_GPU gpus: [ 0 ] }',
  auto_id: 'instance_group { gpus: [ 0 ] }',
  cpu_id: 'instance_group { kind: KIND_CPU gpus: [ 0 ] }',
  model_id: 'instance_group { kind: KIND_MODEL gpus: [ 0 ] }',
  profile: 'instance_group { kind: KIND_CPU profile: [ "0", "1" ] }',
  policy: 'instance_group { kind: KIND_CPU host_policy: "nothing" }',
  limiter: 'instance_group { kind: KIND_CPU rate_limiter { priority: 2 resources { name: "r" count: 2 } } }',
  secondary: 'instance_group { kind: KIND_CPU secondary_devices { kind: KIND_NVDLA device_id: 1 } }',
};

export const instanceCase: ServerCase = {
  name: 'instances as their groups say',
  models: Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, { config: config(text), source }])),
  explicit: true,
  async run(world) {
    const said: unknown[] = [];
    for (const name of Object.keys(groups)) {
      const { status } = await world.ask(`repository/models/${name}/load`, {});
      const { body } = await world.ask(`models/${name}/config`);
      said.push([name, status, (body as { instance_group?: unknown }).instance_group ?? body]);
      if (status === 200) said.push((await world.infer('x', name)).status);
    }
    return [said, (await world.page()).filter((line) => line.startsWith('instance{')).sort()];
  },
};
