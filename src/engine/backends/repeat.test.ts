import { describe, expect, test } from 'vitest';
import type { InferenceResponse, ResponseEvent } from '../../protocol/index.ts';
import { decodeStrings } from '../../tensor/index.ts';
import type { Engine } from '../engine.ts';
import { reasonOf } from '../testing/models.ts';
import { fp32, TemporaryRepository, tensor } from '../testing/repository.ts';

const identity = `
  backend: "identity" max_batch_size: 8
  input [ { name: "A" data_type: TYPE_FP32 dims: [ 2 ] }, { name: "B" data_type: TYPE_STRING dims: [ -1 ] } ]
  output [ { name: "X" data_type: TYPE_FP32 dims: [ 2 ] }, { name: "Y" data_type: TYPE_STRING dims: [ -1 ] } ]
`;
const repeat = `
  backend: "repeat" max_batch_size: 0 model_transaction_policy { decoupled: true }
  input [
    { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
    { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
    { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
  ]
  output [ { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] }, { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] } ]
`;

/** Every response's OUT:IDX, `-` for the empty one, `.` after the final one. */
async function said(engine: Engine, values: number[], delays = values.map(() => 0)): Promise<string> {
  const events: ResponseEvent[] = [];
  const inputs = [
    tensor('IN', 'INT32', [values.length], values),
    tensor('DELAY', 'UINT32', [delays.length], delays),
    tensor('WAIT', 'UINT32', [1], [0]),
  ];
  await engine.stream({ model: 'm', inputs }, (event) => events.push(event));
  const text = (response: ResponseEvent['response']): string => {
    if (response === undefined) return '-';
    if (response instanceof Error) return response.message;
    return (response as InferenceResponse).outputs.map(({ data }) => String(data[0])).join(':');
  };
  return events.map(({ response, final }) => text(response) + (final ? '.' : '')).join(' ');
}

describe('identity', () => {
  test('gives back each input as the output of its position, also when few outputs are asked for', async () => {
    const engine = await new TemporaryRepository().bare('m', identity).open();
    const inputs = [fp32('A', [1, 2], [1, 2]), tensor('B', 'BYTES', [1, 3], ['a', '', 'c'])];
    const { outputs } = await engine.infer({ model: 'm', inputs });
    expect(outputs).toMatchObject([
      { name: 'X', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) },
      { name: 'Y', datatype: 'BYTES', shape: [1, 3] },
    ]);
    expect(decodeStrings(outputs[1]!.data as Uint8Array)).toEqual(['a', '', 'c']);
    const one = await engine.infer({ model: 'm', inputs, outputs: [{ name: 'Y' }] });
    expect(one.outputs.map(({ name }) => name)).toEqual(['Y']);
  });

  test('with a delay, and decoupled', async () => {
    const delayed = `${identity} model_transaction_policy { decoupled: true }
      parameters { key: "execute_delay_ms" value { string_value: "1" } }`;
    const engine = await new TemporaryRepository().bare('m', delayed).open();
    const inputs = [fp32('A', [1, 2], [1, 2]), tensor('B', 'BYTES', [1, 1], ['a'])];
    const events: ResponseEvent[] = [];
    await engine.stream({ model: 'm', inputs }, (event) => events.push(event));
    expect(events).toMatchObject([{ response: { outputs: [{ name: 'X' }, { name: 'Y' }] }, final: true }]);
  });

  test('a config whose sides do not match is refused with the reason', async () => {
    const repository = new TemporaryRepository()
      .bare('few', identity.replace(/,\s*\{ name: "Y".*\} \]/, ' ]'))
      .bare('type', identity.replace('"X" data_type: TYPE_FP32', '"X" data_type: TYPE_INT32'))
      .bare('delay', `${identity} parameters { key: "execute_delay_ms" value { string_value: "long" } }`);
    const engine = await repository.open();
    expect(reasonOf(engine, 'few')).toContain('has as many outputs as inputs; this has 1 and 2');
    expect(reasonOf(engine, 'type')).toContain("input 'A' is FP32, 'X' is INT32");
    expect(reasonOf(engine, 'delay')).toContain("parameter 'execute_delay_ms' must be a whole number");
  });
});

describe('repeat', () => {
  test('gives one response for each element, then the empty final one', async () => {
    const engine = await new TemporaryRepository().bare('m', repeat).open();
    expect(await said(engine, [4, 2, 9])).toBe('4:0 2:1 9:2 -.');
    expect(await said(engine, [7, 8], [2, 1])).toBe('7:0 8:1 -.');
    expect(await said(engine, [])).toBe('-.');
    expect(await said(engine, [1, 2], [0])).toBe('IN and DELAY must be of one shape, they are [2] and [1].');
  });

  test('a config of another shape is refused with the reason', async () => {
    const repository = new TemporaryRepository()
      .bare('batched', repeat.replace('max_batch_size: 0', 'max_batch_size: 4'))
      .bare('single', repeat.replace('decoupled: true', 'decoupled: false'))
      .bare('type', repeat.replace('"WAIT" data_type: TYPE_UINT32', '"WAIT" data_type: TYPE_INT32'));
    const engine = await repository.open();
    expect(reasonOf(engine, 'batched')).toContain('a repeat model has max_batch_size 0');
    expect(reasonOf(engine, 'single')).toContain('model_transaction_policy { decoupled: true }');
    expect(reasonOf(engine, 'type')).toContain('this has IN INT32 [-1], DELAY UINT32 [-1], WAIT INT32 [1]');
  });
});
