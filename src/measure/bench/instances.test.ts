import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../config/index.ts';
import { withInstances } from '../server/instances.ts';
import { benchInstances, type InstancesServer, instancesPage, instancesRows } from './instances.ts';
import { parseGpus } from './nvidia-smi.ts';
import type { BenchReport } from './report.ts';

/** What nvidia-smi printed with so many instances of a plan: 458 MiB for the context and the weights, 120 for each. */
const printed = (instances: number) =>
  `0, NVIDIA H100 80GB HBM3, ${4 + (instances > 0 ? 458 + 120 * instances : 0)}, 81559, 31\n`;

function server(pss: (instances: number) => number | undefined) {
  const state = { instances: 3, asked: [] as number[] };
  const made: InstancesServer = {
    empty: async () => {
      state.instances = 0;
    },
    apply: async (instances) => {
      state.instances = instances;
      state.asked.push(instances);
      return { readyMs: 1000 + instances };
    },
    measure: async () => {
      const pssBytes = pss(state.instances);
      const resources = pssBytes === undefined ? {} : { pssBytes };
      const point = { resources, throughput: { value: 100 * state.instances }, latency: { p99: { value: 5 } } };
      return { points: [point], server: { url: 'http://s', name: 'triton', version: '2' } } as unknown as BenchReport;
    },
  };
  return { state, made, gpus: async () => parseGpus(printed(state.instances)) };
}

describe('memory by instances', () => {
  test('of GPUs is what is in use beyond what was without the model', async () => {
    const { made, gpus, state } = server(() => undefined);
    const report = await benchInstances({
      model: 'finbert-trt-model',
      counts: [1, 2, 4, 8],
      server: made,
      memoryOnly: true,
      gpus,
    });
    expect(state.asked).toEqual([1, 2, 4, 8]);
    expect(instancesRows(report)).toEqual([
      ['instances', 'GPU memory', 'ratio', 'linear', 'ready in'],
      ['1', '606.1 MB', '1.00', '606.1 MB', '1.00 s'],
      ['2', '731.9 MB', '1.21', '1.2 GB', '1.00 s'],
      ['4', '983.6 MB', '1.62', '2.4 GB', '1.00 s'],
      ['8', '1.5 GB', '2.45', '4.8 GB', '1.01 s'],
    ]);
  });

  test('of the server is its PSS, with throughput where it was measured; the page has the line in proportion', async () => {
    const { made } = server((instances) => 4e8 + 1e7 * instances);
    const options = { model: 'm', counts: [1, 4], server: made, gpus: async () => undefined };
    const report = await benchInstances({ ...options, memoryOnly: false });
    expect(instancesRows(report)).toEqual([
      ['instances', 'memory (PSS)', 'ratio', 'linear', 'ready in', 'inferences/s', 'p99 ms'],
      ['1', '410.0 MB', '1.00', '410.0 MB', '1.00 s', '100', '5.00'],
      ['4', '440.0 MB', '1.07', '1.6 GB', '1.00 s', '400', '5.00'],
    ]);
    const page = instancesPage(report);
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).toContain('class="line1 dashed"');
    expect(page).toContain('in proportion to the first');
    expect(page).not.toMatch(/NaN|undefined/);
  });
});

test('a configuration gets its instances in place; an ensemble has none', () => {
  const text = 'backend: "tensorrt"\ninstance_group [ { count: 1 kind: KIND_GPU gpus: [ 0 ] } ] # one GPU\n';
  expect(withInstances(text, 4)).toBe(text.replace('count: 1', 'count: 4'));
  const bare = parseConfig(withInstances('backend: "onnxruntime"\n', 2)).config;
  expect(bare.instance_group).toMatchObject([{ count: 2, kind: 'KIND_AUTO' }]);
  const ensemble = 'platform: "ensemble"\nensemble_scheduling { step { model_name: "a" model_version: -1 } }\n';
  expect(withInstances(ensemble, 4)).toBe(ensemble);
});
