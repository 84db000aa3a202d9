import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { BatchRequest, ModelSource } from './backend.ts';
import { deferred, ProbeBackend, type ProbeOptions } from './testing/probe.ts';
import { fp32, TemporaryRepository } from './testing/repository.ts';

const io = (side: string, names: string, dims = '[ 2 ]') =>
  names
    .split(' ')
    .filter(Boolean)
    .map((name) => `${side} { name: "${name}" data_type: TYPE_FP32 dims: ${dims} }`)
    .join('\n');
const map = (side: string, pairs: string) =>
  pairs
    .split(' ')
    .map((pair) => pair.split('='))
    .map(([key, value]) => `${side} { key: "${key}" value: "${value}" }`)
    .join(' ');
const step = (model: string, inputs: string, outputs: string, version = -1) =>
  `step { model_name: "${model}" model_version: ${version} ${map('input_map', inputs)} ${map('output_map', outputs)} }`;
const ensemble = (inputs: string, outputs: string, steps: string, batch = 8) =>
  `platform: "ensemble" max_batch_size: ${batch} ${inputs} ${outputs} ensemble_scheduling { ${steps} }`;
const probe = (inputs: string, outputs: string, batch = 8) =>
  `backend: "probe" max_batch_size: ${batch} ${inputs} ${outputs}`;

/** Adds 1 to every element, and remembers in what order models ran. */
function adder(log: string[] = [], more: ProbeOptions = {}): ProbeBackend {
  return new ProbeBackend({
    answer: ({ inputs, outputs }: BatchRequest, source: ModelSource): Tensor[] => {
      log.push(source.name);
      return outputs.map((name, index) => {
        const input = inputs[index] ?? inputs[0]!;
        return { ...input, name, data: (input.data as Float32Array).map((value) => value + 1) };
      });
    },
    ...more,
  });
}

const x = fp32('x', [1, 2], [1, 2]);
const one = (model: string): InferenceRequest => ({ model, inputs: [x] });

test('a chain passes tensors on under their new names', async () => {
  const repository = new TemporaryRepository()
    .bare('first', probe(io('input', 'a'), io('output', 'b')))
    .bare('second', probe(io('input', 'c'), io('output', 'd')))
    .bare(
      'chain',
      ensemble(
        io('input', 'x'),
        io('output', 'y'),
        step('second', 'c=between', 'd=y') + step('first', 'a=x', 'b=between'),
      ),
    );
  const engine = await repository.open({ backends: { probe: adder() } });
  expect(engine.index().map(({ name, state }) => `${name} ${state}`)).toEqual([
    'chain READY',
    'first READY',
    'second READY',
  ]);
  const response = await engine.infer({ ...one('chain'), id: 'q' });
  expect(response).toMatchObject({
    model: 'chain',
    version: '1',
    id: 'q',
    outputs: [{ name: 'y', shape: [1, 2], data: Float32Array.of(3, 4) }],
  });
});

test('steps count in their own statistics, and their times add up in the ensemble', async () => {
  const repository = new TemporaryRepository()
    .bare('first', probe(io('input', 'a'), io('output', 'b')))
    .bare(
      'chain',
      ensemble(io('input', 'x'), io('output', 'y'), step('first', 'a=x', 'b=m') + step('first', 'a=m', 'b=y')),
    );
  const engine = await repository.open({ backends: { probe: adder() } });
  await engine.infer(one('chain'));
  const [chain, first] = engine.statistics();
  expect(first).toMatchObject({ name: 'first', inference_count: 2, execution_count: 2 });
  expect(chain).toMatchObject({
    name: 'chain',
    inference_count: 1,
    inference_stats: { queue: { count: 1, ns: 0 }, compute_infer: { count: 1, ns: 20 } },
    execution_count: 1,
    batch_stats: [{ batch_size: 1, compute_infer: { count: 1, ns: 20 } }],
  });
});

test('independent steps run at the same time, and the last waits for both', async () => {
  const gates = new Map<string, ReturnType<typeof deferred>>();
  const log: string[] = [];
  const backend = new ProbeBackend({
    answer: async ({ inputs, outputs }, { name }) => {
      log.push(`${name} starts`);
      await gates.get(name)?.promise;
      log.push(`${name} ends`);
      return outputs.map((output) => ({ ...inputs[0]!, name: output }));
    },
  });
  const repository = new TemporaryRepository()
    .bare('left', probe(io('input', 'a'), io('output', 'b')))
    .bare('right', probe(io('input', 'a'), io('output', 'b')))
    .bare('join', probe(io('input', 'l r'), io('output', 'o')))
    .bare(
      'diamond',
      ensemble(
        io('input', 'x'),
        io('output', 'y'),
        step('join', 'l=p r=q', 'o=y') + step('left', 'a=x', 'b=p') + step('right', 'a=x', 'b=q'),
      ),
    );
  const engine = await repository.open({ backends: { probe: backend } });
  log.length = 0;
  for (const name of ['left', 'right']) gates.set(name, deferred());
  const response = engine.infer(one('diamond'));
  await expect.poll(() => log).toEqual(['left starts', 'right starts']);
  gates.get('right')!.resolve();
  await expect.poll(() => log.at(-1)).toBe('right ends');
  gates.get('left')!.resolve();
  await response;
  expect(log).toEqual(['left starts', 'right starts', 'right ends', 'left ends', 'join starts', 'join ends']);
});

test('steps that feed no requested output are left out', async () => {
  const log: string[] = [];
  const repository = new TemporaryRepository()
    .bare('shared', probe(io('input', 'a'), io('output', 'b')))
    .bare('left', probe(io('input', 'a'), io('output', 'b')))
    .bare('right', probe(io('input', 'a'), io('output', 'b')))
    .bare(
      'fork',
      ensemble(
        io('input', 'x'),
        io('output', 'y z'),
        step('shared', 'a=x', 'b=m') + step('left', 'a=m', 'b=y') + step('right', 'a=m', 'b=z'),
      ),
    );
  const engine = await repository.open({ backends: { probe: adder(log) } });
  log.length = 0;
  const { outputs } = await engine.infer({ ...one('fork'), outputs: [{ name: 'z' }] });
  expect(outputs).toMatchObject([{ name: 'z', data: Float32Array.of(3, 4) }]);
  expect(log).toEqual(['shared', 'right']);
});

test('only the outputs that are mapped are asked of a step', async () => {
  const asked: (readonly string[])[] = [];
  const backend = adder([], {
    answer: ({ inputs, outputs }) => {
      asked.push(outputs);
      return outputs.map((name) => ({ ...inputs[0]!, name }));
    },
  });
  const repository = new TemporaryRepository()
    .bare('wide', probe(io('input', 'a'), io('output', 'b c d')))
    .bare('narrow', ensemble(io('input', 'x'), io('output', 'y'), step('wide', 'a=x', 'c=y')));
  const engine = await repository.open({ backends: { probe: backend } });
  await engine.infer(one('narrow'));
  expect(asked.at(-1)).toEqual(['c']);
});

describe('batch dimensions', () => {
  const shapes = async (outer: number, inner: number, request: Tensor, dims = '[ 2 ]') => {
    const seen: (readonly number[])[] = [];
    const backend = adder([], {
      answer: ({ inputs, outputs }) => {
        seen.push(inputs[0]!.shape);
        return outputs.map((name) => ({ ...inputs[0]!, name }));
      },
    });
    const repository = new TemporaryRepository()
      .bare('inner', probe(io('input', 'a', dims), io('output', 'b', dims), inner))
      .bare(
        'outer',
        ensemble(io('input', 'x', '[ -1 ]'), io('output', 'y', '[ -1 ]'), step('inner', 'a=x', 'b=y'), outer),
      );
    const engine = await repository.open({ backends: { probe: backend } });
    const { outputs } = await engine.infer({ model: 'outer', inputs: [request] });
    return { model: seen.at(-1), client: outputs[0]!.shape };
  };
  const flat = fp32('x', [2], [1, 2]);
  const batch = fp32('x', [2, 2], [1, 2, 3, 4]);

  test('a batch passes between models that batch', async () => {
    expect(await shapes(8, 8, batch)).toEqual({ model: [2, 2], client: [2, 2] });
  });

  test('a plain tensor gets a leading 1 for a model that batches, and loses it on the way back', async () => {
    expect(await shapes(0, 8, flat)).toEqual({ model: [1, 2], client: [2] });
  });

  test('a batch of one loses its leading 1 for a model that does not batch, and gets it back', async () => {
    expect(await shapes(8, 0, x)).toEqual({ model: [2], client: [1, 2] });
  });

  test("a larger batch does not fit a plain model's fixed dims", async () => {
    await expect(shapes(8, 0, batch)).rejects.toThrow(
      "ensemble 'outer', step 0 'inner': [request id: <none>] input 'a' of model 'inner' must have shape [2], it has [2,2]",
    );
  });

  test('reshape: the flow carries the reshaped form', async () => {
    const repository = new TemporaryRepository()
      .bare('inner', probe(io('input', 'a', '[ 2, 2 ]'), io('output', 'b', '[ 2, 2 ]')))
      .bare(
        'outer',
        ensemble(
          'input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 2, 2 ] } }',
          'output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 2, 2 ] } }',
          step('inner', 'a=x', 'b=y'),
        ),
      );
    const engine = await repository.open({ backends: { probe: adder() } });
    const { outputs } = await engine.infer({ model: 'outer', inputs: [fp32('x', [1, 4], [1, 2, 3, 4])] });
    expect(outputs).toMatchObject([{ shape: [1, 4], data: Float32Array.of(2, 3, 4, 5) }]);
  });
});

describe('errors', () => {
  const failing = (
    fail: (name: string) => ConchError | undefined,
    gates = new Map<string, Promise<void>>(),
    log: string[] = [],
  ) =>
    new ProbeBackend({
      answer: async ({ inputs, outputs }, { name }) => {
        await gates.get(name);
        log.push(name);
        const error = fail(name);
        if (error) throw error;
        return outputs.map((output) => ({ ...inputs[0]!, name: output }));
      },
    });
  const models = () =>
    new TemporaryRepository()
      .bare('left', probe(io('input', 'a'), io('output', 'b')))
      .bare('right', probe(io('input', 'a'), io('output', 'b')))
      .bare('last', probe(io('input', 'a'), io('output', 'b')))
      .bare(
        'fork',
        ensemble(
          io('input', 'x'),
          io('output', 'y z'),
          step('left', 'a=x', 'b=y') + step('right', 'a=x', 'b=m') + step('last', 'a=m', 'b=z'),
        ),
      );

  test('the first one wins, keeps its code, names the way to it; running steps finish and no new ones start', async () => {
    let broken = false;
    const gate = deferred();
    const gates = new Map<string, Promise<void>>();
    const log: string[] = [];
    const backend = failing(
      (name) =>
        broken && name === 'left'
          ? new ConchError('EXECUTION_FAILED', 'it broke', { status: 'UNAVAILABLE' })
          : undefined,
      gates,
      log,
    );
    const engine = await models().open({ backends: { probe: backend } });
    broken = true;
    log.length = 0;
    gates.set('right', gate.promise);
    let settled = false;
    const response = engine.infer(one('fork')).finally(() => {
      settled = true;
    });
    response.catch(() => {});
    await expect.poll(() => log).toEqual(['left']);
    expect(settled).toBe(false);
    gate.resolve();
    await expect(response).rejects.toMatchObject({
      code: 'EXECUTION_FAILED',
      status: 'UNAVAILABLE',
      message: "ensemble 'fork', step 0 'left': it broke",
    });
    expect(log).toEqual(['left', 'right']);
    expect(engine.counters().find(({ statistics }) => statistics.name === 'fork')!.failures.BACKEND).toBe(1);
  });

  test('cancellation reaches a step that waits', async () => {
    const gate = deferred();
    const gates = new Map<string, Promise<void>>();
    const engine = await models().open({ backends: { probe: failing(() => undefined, gates) } });
    gates.set('right', gate.promise);
    const first = engine.infer({ model: 'right', inputs: [{ ...x, name: 'a' }] });
    const gone = new AbortController();
    const second = engine.infer({ ...one('fork'), signal: gone.signal });
    second.catch(() => {});
    await expect.poll(() => engine.counters().find(({ statistics }) => statistics.name === 'right')!.pending).toBe(1);
    gone.abort();
    await expect(second).rejects.toMatchObject({
      code: 'REQUEST_CANCELLED',
      message: "ensemble 'fork', step 1 'right': model 'right': the request was cancelled while it waited",
    });
    gate.resolve();
    await first;
  });

  test('an output that no step produced is an error, not a hang', async () => {
    const backend = new ProbeBackend({ answer: () => [] });
    const repository = new TemporaryRepository()
      .bare('silent', probe(io('input', 'a'), io('output', 'b')))
      .bare('outer', ensemble(io('input', 'x'), io('output', 'y'), step('silent', 'a=x', 'b=y')));
    const engine = await repository.open({ backends: { probe: backend } });
    await expect(engine.infer(one('outer'))).rejects.toMatchObject({
      status: 'INVALID_ARG',
      message: "ensemble 'outer': no step produced its output 'y'",
    });
  });
});

describe('optional inputs', () => {
  const optional = `${io('input', 'a')} input { name: "o" data_type: TYPE_FP32 dims: [ 2 ] optional: true }`;

  test('one that was not given is left out of the step', async () => {
    const seen: string[][] = [];
    const backend = new ProbeBackend({
      answer: ({ inputs, outputs }) => {
        seen.push(inputs.map(({ name }) => name));
        return outputs.map((name) => ({ ...inputs[0]!, name }));
      },
    });
    const repository = new TemporaryRepository()
      .bare('inner', probe(optional, io('output', 'b')))
      .bare('outer', ensemble(optional.replace('"a"', '"x"'), io('output', 'y'), step('inner', 'a=x o=o', 'b=y')));
    const engine = await repository.open({ backends: { probe: backend } });
    await engine.infer(one('outer'));
    await engine.infer({ model: 'outer', inputs: [x, { ...x, name: 'o' }] });
    expect(seen.slice(-2)).toEqual([['a'], ['a', 'o']]);
  });

  test('where the step requires it, the step fails', async () => {
    const repository = new TemporaryRepository()
      .bare('inner', probe(io('input', 'a o'), io('output', 'b')))
      .bare('outer', ensemble(optional.replace('"a"', '"x"'), io('output', 'y'), step('inner', 'a=x o=o', 'b=y')));
    const engine = await repository.open({ backends: { probe: adder() } });
    await expect(engine.infer(one('outer'))).rejects.toThrow("model 'inner' takes 2 inputs, 1 came: 'a'; missing: 'o'");
  });
});

test('ensembles may be made of ensembles', async () => {
  const repository = new TemporaryRepository()
    .bare('plus', probe(io('input', 'a'), io('output', 'b')))
    .bare(
      'inner',
      ensemble(io('input', 'p'), io('output', 'q'), step('plus', 'a=p', 'b=m') + step('plus', 'a=m', 'b=q')),
    )
    .bare(
      'outer',
      ensemble(io('input', 'x'), io('output', 'y'), step('inner', 'p=x', 'q=m') + step('plus', 'a=m', 'b=y')),
    );
  const engine = await repository.open({ backends: { probe: adder() }, models: ['outer'] });
  expect((await engine.infer(one('outer'))).outputs[0]!.data).toEqual(Float32Array.of(4, 5));
});

test('a step may name a version', async () => {
  const backend = new ProbeBackend({
    answer: ({ inputs, outputs }, { version }) =>
      outputs.map((name) => ({ ...inputs[0]!, name, data: Float32Array.of(version, version) })),
  });
  const repository = new TemporaryRepository()
    .bare('inner', `${probe(io('input', 'a'), io('output', 'b'))} version_policy { all {} }`, [1, 2, 7])
    .bare('old', ensemble(io('input', 'x'), io('output', 'y'), step('inner', 'a=x', 'b=y', 2)))
    .bare('new', ensemble(io('input', 'x'), io('output', 'y'), step('inner', 'a=x', 'b=y')));
  const engine = await repository.open({ backends: { probe: backend } });
  expect((await engine.infer(one('old'))).outputs[0]!.data[0]).toBe(2);
  expect((await engine.infer(one('new'))).outputs[0]!.data[0]).toBe(7);
});

test('max_inflight_requests bounds a step over all requests', async () => {
  const gates: ReturnType<typeof deferred>[] = [];
  let gated = false;
  const backend = new ProbeBackend({
    facts: { concurrency: 10 },
    answer: async ({ inputs, outputs }) => {
      if (gated) {
        const gate = deferred();
        gates.push(gate);
        await gate.promise;
      }
      return outputs.map((name) => ({ ...inputs[0]!, name }));
    },
  });
  const repository = new TemporaryRepository()
    .bare('inner', probe(io('input', 'a'), io('output', 'b')))
    .bare(
      'outer',
      ensemble(io('input', 'x'), io('output', 'y'), `max_inflight_requests: 2 ${step('inner', 'a=x', 'b=y')}`),
    );
  const engine = await repository.open({ backends: { probe: backend } });
  gated = true;
  const responses = [1, 2, 3].map(() => engine.infer(one('outer')));
  await expect.poll(() => gates.length).toBe(2);
  gates[0]!.resolve();
  await responses[0];
  await expect.poll(() => gates.length).toBe(3);
  for (const gate of gates) gate.resolve();
  await Promise.all(responses);
});

test('labels that an output lacks come from the step that produces it', async () => {
  const labelled = 'output { name: "b" data_type: TYPE_FP32 dims: [ 2 ] label_filename: "labels.txt" }';
  const repository = new TemporaryRepository()
    .bare('inner', probe(io('input', 'a'), labelled))
    .write('inner/labels.txt', 'negative\npositive\n')
    .bare('outer', ensemble(io('input', 'x'), io('output', 'y'), step('inner', 'a=x', 'b=y')));
  const engine = await repository.open({ backends: { probe: adder() } });
  expect(engine.labels('inner', 'b')).toEqual(['negative', 'positive']);
  expect(engine.labels('outer', 'y')).toEqual(['negative', 'positive']);
  expect(engine.labels('outer', 'constructor')).toBeUndefined();
});
