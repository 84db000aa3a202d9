import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { modelConfigDescriptor } from '../fixtures/oracle.ts';
import { generateTypes } from './generate.ts';
import { shortestFloat, toInt64 } from './numbers.ts';
import { generateProto } from './proto.ts';
import { enums, messages } from './table.ts';
import { findEnumeration, findMessage, Message, modelConfig, nearestName } from './view.ts';

test('generated.ts is what the table generates', () => {
  const path = new URL('../generated.ts', import.meta.url);
  expect(readFileSync(path, 'utf8'), 'run node scripts/generate-config-types.ts').toBe(generateTypes());
});

describe('the table', () => {
  test('holds every message and field number once, and no other type than its own', () => {
    const scalars = ['string', 'bool', 'int32', 'int64', 'uint32', 'uint64', 'float', 'double'];
    for (const [name, fields] of Object.entries(messages)) {
      expect(new Set(fields.map((field) => field.number)).size, name).toBe(fields.length);
      expect(new Set(fields.map((field) => field.name)).size, name).toBe(fields.length);
      for (const field of fields) {
        expect(scalars.includes(field.type) || field.type in messages || field.type in enums, field.type).toBe(true);
        expect(field.label === 'map', `${name}.${field.name}`).toBe(field.key !== undefined);
        expect(field.doc).toMatch(/\.$/);
      }
    }
    for (const values of Object.values(enums)) expect(Object.values(values)[0]).toBe(0);
  });

  test('reaches every message from ModelConfig, and is not recursive', () => {
    const reached = new Set<string>();
    const visit = (name: string, around: string[]) => {
      expect(around).not.toContain(name);
      reached.add(name);
      for (const field of messages[name]!) if (field.type in messages) visit(field.type, [...around, name]);
    };
    visit('ModelConfig', []);
    expect(reached.size).toBe(Object.keys(messages).length);
  });

  test('keeps the numbers that are easily mistaken', () => {
    const number = (message: string, field: string) => findMessage(message)!.field(field)!.number;
    expect(number('ModelOutput', 'label_filename')).toBe(4);
    expect(number('ModelOutput', 'reshape')).toBe(5);
    expect(number('ModelSequenceBatching.Control', 'data_type')).toBe(4);
    expect(number('ModelSequenceBatching.Control', 'bool_false_true')).toBe(5);
    expect(number('ModelInstanceGroup', 'count')).toBe(2);
    expect(modelConfig.fields.map((field) => field.number)).not.toContain(22);
  });

  test('is a schema to protobuf-es, and a .proto file', () => {
    expect(modelConfigDescriptor.fields).toHaveLength(modelConfig.fields.length);
    const proto = generateProto();
    expect(proto).toContain('  map<string, .inference.ModelParameter> parameters = 14;');
    expect(proto).toContain('  oneof scheduling_choice {\n    .inference.ModelDynamicBatching dynamic_batching = 11;');
    expect(proto).toMatch(/message ModelWarmup \{\n {2}message Input \{/);
  });
});

test('a field knows its type, its entry and its rivals', () => {
  const dynamic = modelConfig.field('dynamic_batching')!;
  expect(dynamic.message).toBe(findMessage('ModelDynamicBatching'));
  expect(dynamic.rivals).toEqual(['sequence_batching', 'ensemble_scheduling']);
  expect(dynamic.explicit).toBe(true);
  const parameters = modelConfig.field('parameters')!;
  expect(parameters.entry!.fields.map((field) => field.name)).toEqual(['key', 'value']);
  expect(parameters.entry!.field('value')!.message).toBe(findMessage('ModelParameter'));
  expect(modelConfig.field('name')).toMatchObject({ scalar: 'string', many: false, explicit: false });
  expect(modelConfig.field('toString')).toBeUndefined();
  expect(findMessage('toString')).toBeUndefined();
});

test('an optional scalar is present even when zero', () => {
  const doc = 'A number.';
  const message = new Message('M', [
    { number: 1, name: 'plain', type: 'int32', doc },
    { number: 2, name: 'known', type: 'int32', optional: true, doc },
  ]);
  expect(message.fields.map((field) => field.explicit)).toEqual([false, true]);
});

test('an enumeration is read by name and number', () => {
  const type = findEnumeration('DataType')!;
  expect([type.number('TYPE_BF16'), type.number('FP32')]).toEqual([14, undefined]);
  expect([type.valueOf(11), type.valueOf(99)]).toEqual(['TYPE_FP32', 99]);
  expect(type.nearest('fp16')).toBe('TYPE_FP16');
  expect([type.nearest('TYPE_FLOAT32'), type.nearest('TYPE_BYTES')]).toEqual(['TYPE_FP32', 'TYPE_STRING']);
  expect(type.nearest('TYPE_FP3')).toBe('TYPE_FP32');
});

test('the nearest name is near', () => {
  expect(modelConfig.nearest('maxBatchSize')).toBe('max_batch_size');
  expect(modelConfig.nearest('Dynamic_Batchng')).toBe('dynamic_batching');
  expect(modelConfig.nearest('completely_else')).toBeUndefined();
  expect(modelConfig.nearest('inputs', 1)).toBe('input');
  expect(modelConfig.nearest('imputs', 1)).toBeUndefined();
  expect(nearestName('a', [])).toBeUndefined();
  expect(nearestName('x'.repeat(10_000), ['x'])).toBeUndefined();
});

test('paths to a name are the shortest first', () => {
  expect(modelConfig.pathsTo('shape')[0]).toBe('input.reshape.shape');
  expect(modelConfig.pathsTo('nothing')).toEqual([]);
});

test('floats are the shortest decimal that means the same 32 bits', () => {
  expect(shortestFloat(Math.fround(0.1))).toBe(0.1);
  expect(shortestFloat(16777217)).toBe(16777216);
  expect(shortestFloat(1e40)).toBe(Number.POSITIVE_INFINITY);
  expect(Object.is(shortestFloat(-0), -0)).toBe(true);
  expect(Math.fround(shortestFloat(Math.fround(Math.PI)))).toBe(Math.fround(Math.PI));
});

test('64-bit values are numbers while they are safe', () => {
  expect(toInt64(9007199254740991n)).toBe(9007199254740991);
  expect(toInt64(9007199254740992n)).toBe(9007199254740992n);
});
