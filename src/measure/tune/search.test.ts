import { describe, expect, test } from 'vitest';
import type { ModelConfig } from '../../config/index.ts';
import { makeSpace } from './make-space.ts';
import { type Outcome, Search } from './search.ts';
import type { Point, Space } from './space.ts';

const config: ModelConfig = {
  backend: 'onnxruntime',
  max_batch_size: 32,
  dynamic_batching: {},
  input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [10] }],
};
const spaceOf = (cores = 4) => makeSpace({ models: [{ name: 'm', config }], cores });

/** A throughput with a peak inside, and settings that depend on each other, as servers have them. */
function throughput(space: Space, point: Point): number {
  const value = (setting: Parameters<Space['valueOf']>[1]) => Number(space.valueOf(point, setting, 'm') ?? 0);
  const [instances, threads, batch] = [value('instances'), value('threads') || 4, value('max_batch_size')];
  const busy = Math.min(4, instances * threads);
  const crowd = 1 / (1 + 0.1 * Math.max(0, instances * threads - 4));
  const batching = Math.min(batch, 32) ** 0.4 * (batch > 32 ? 0.9 : 1);
  return 1000 * busy ** 0.7 * crowd * batching * (1 - value('max_queue_delay_microseconds') / 8000);
}

function searched(space: Space, seed: number, budget: number, outcomeOf: (point: Point) => Outcome) {
  const search = new Search(space, { budget, seed });
  const asked: string[] = [];
  for (let point = search.ask(); point; point = search.ask()) {
    asked.push(point.join());
    search.tell(point, outcomeOf(point));
  }
  return { search, asked };
}

describe('the search', () => {
  const space = spaceOf();
  const all = space.all();
  const optimum = Math.max(...all.map((point) => throughput(space, point)));
  const plain = (point: Point): Outcome => ({ objective: Math.log(throughput(space, point)), constraints: [] });

  test('comes within 5 % of the best of hundreds of configurations with a tenth of them measured', () => {
    const shares = Array.from({ length: 10 }, (_, seed) => {
      const { search, asked } = searched(space, seed, Math.floor(all.length / 10), plain);
      expect(asked.length).toBeLessThanOrEqual(all.length / 10);
      expect(new Set(asked).size).toBe(asked.length);
      return throughput(space, search.best(1)[0]!) / optimum;
    });
    expect(all.length).toBeGreaterThan(200);
    expect(Math.min(...shares)).toBeGreaterThan(0.95);
  });

  test('begins with what is configured, and does the same for the same seed', () => {
    const one = searched(space, 7, 12, plain).asked;
    expect(one[0]).toBe(space.present.join());
    expect(searched(space, 7, 12, plain).asked).toEqual(one);
    expect(searched(space, 8, 12, plain).asked).not.toEqual(one);
  });

  test('keeps bounds: the best that it names breaks none where one was found that does not', () => {
    const memory = (point: Point) => Number(space.valueOf(point, 'instances', 'm')) * 100;
    const bounded = (point: Point): Outcome => ({ ...plain(point), constraints: [Math.log(memory(point) / 250)] });
    const best = Math.max(...all.filter((point) => memory(point) <= 250).map((point) => throughput(space, point)));
    const { search } = searched(space, 2, 25, bounded);
    const [found] = search.best(1);
    expect(memory(found!)).toBeLessThanOrEqual(250);
    expect(throughput(space, found!) / best).toBeGreaterThan(0.95);
  });

  test('learns which configurations fail, and never names one of them', () => {
    const fails = (point: Point) => Number(space.valueOf(point, 'instances', 'm')) >= 4;
    const { search, asked } = searched(space, 3, 25, (point) =>
      fails(point) ? { objective: 0, constraints: [], failed: true } : plain(point),
    );
    const tried = asked.map((id) => id.split(',').map(Number)).filter(fails).length;
    expect(tried).toBeLessThan(10);
    expect(search.best(5).some(fails)).toBe(false);
  });

  test('ends by itself where nothing matters', () => {
    const { asked } = searched(space, 1, 200, () => ({ objective: 1, constraints: [] }));
    expect(asked.length).toBeLessThan(30);
  });
});

describe('the space', () => {
  test('has the settings that a model has, its present values among them', () => {
    const settings = spaceOf(2).dimensions.map(({ setting, values, present }) => [setting, values, values[present]]);
    expect(settings).toEqual([
      ['instances', [1, 2, 4], 1],
      ['threads', [undefined, 1], undefined],
      ['max_queue_delay_microseconds', [undefined, 500, 2000], undefined],
      ['preferred_batch_size', [undefined, 8], undefined],
      ['max_batch_size', [1, 8, 16, 32, 64, 128], 32],
    ]);
  });

  test('of a ragged model has a budget of tokens; of one without batches only instances and threads', () => {
    const ragged = { ...config, input: [{ ...config.input![0]!, allow_ragged_batch: true }] };
    const names = (one: ModelConfig) =>
      makeSpace({ models: [{ name: 'm', config: one }], cores: 2 }).dimensions.map(({ setting }) => setting);
    expect(names(ragged)).toContain('max_batch_tokens');
    expect(names({ ...config, max_batch_size: 0 })).toEqual(['instances', 'threads']);
    expect(names({ ...config, instance_group: [{ kind: 'KIND_GPU', count: 3 }] })).not.toContain('threads');
  });

  test('of an ensemble belongs to its steps, with one batch size', () => {
    const tokenizer: ModelConfig = {
      ...{ backend: 'python', max_batch_size: 32 },
      input: [{ name: 'text', data_type: 'TYPE_STRING', dims: [1] }],
      output: [{ name: 'input_ids', data_type: 'TYPE_INT64', dims: [-1] }],
    };
    const top: ModelConfig = { max_batch_size: 32, ensemble_scheduling: { step: [] } };
    const models = [
      { name: 'e', config: top },
      { name: 'e-tokenizer', config: tokenizer },
      { name: 'e-model', config },
    ];
    const space = makeSpace({ models, cores: 2 });
    expect(space.dimensions.map(({ model, setting }) => `${model} ${setting}`)).toEqual([
      ...['e-tokenizer instances', 'e-model instances', 'e-model threads', 'e-model max_queue_delay_microseconds'],
      ...['e-model preferred_batch_size', 'e max_batch_size'],
    ]);
  });

  test('counts configurations that mean the same once', () => {
    const space = spaceOf(2);
    // 3 instances, 2 threads; batches of 1 have neither delay nor preferred sizes, and 8 of at most 8 is no preference.
    expect(space.all()).toHaveLength(6 * (1 + 3 + 4 * 6));
    const single = space.dimensions.map(({ setting }) => (setting === 'max_batch_size' ? 0 : 1));
    expect(space.describe(space.canonical(single))).toBe('instances 2, threads 1, max_batch_size 1');
  });

  test('takes values and settings to leave alone; nothing left is an error', () => {
    const models = [{ name: 'm', config }];
    const space = makeSpace({ models, cores: 2, fixed: ['threads'], values: { instances: [3] } });
    expect(space.dimensions[0]).toMatchObject({ setting: 'instances', values: [1, 3] });
    const all = [
      'instances',
      'threads',
      'max_batch_size',
      'max_queue_delay_microseconds',
      'preferred_batch_size',
    ] as const;
    expect(() => makeSpace({ models, cores: 2, fixed: all })).toThrow("model 'm' has no setting to search");
  });
});
