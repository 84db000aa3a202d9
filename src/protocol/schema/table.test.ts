import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scalarTypes } from '../../config/index.ts';
import { generateProtocolTypes } from './generate.ts';
import type { ModelInferRequest, ModelStreamInferResponse } from './generated.ts';
import { schemas } from './schemas.ts';
import { rewriteTable } from './table-source.ts';

test('generated.ts is what the tables generate', () => {
  const path = new URL('./generated.ts', import.meta.url);
  const text = readFileSync(path, 'utf8');
  expect(text, 'run node scripts/generate-protocol-types.ts').toBe(generateProtocolTypes());
});

test('the generated types take messages as they travel', () => {
  const request: ModelInferRequest = {
    model_name: 'm',
    parameters: { sequence_id: { int64_param: 2n ** 60n } },
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }],
    raw_input_contents: [new Uint8Array(8)],
  };
  const response: ModelStreamInferResponse = { error_message: 'no', infer_response: { id: '7' } };
  expect([request.inputs?.[0]?.name, response.infer_response?.id]).toEqual(['x', '7']);
});

describe.each(schemas)('table $name', (own) => {
  test('holds each name and number once, and knows every type that it names', () => {
    const types = new Set(schemas.flatMap((schema) => [...Object.keys(schema.messages), ...Object.keys(schema.enums)]));
    for (const [name, fields] of Object.entries(own.messages)) {
      expect(new Set(fields.map((field) => field.number)).size, name).toBe(fields.length);
      expect(new Set(fields.map((field) => field.name)).size, name).toBe(fields.length);
      for (const field of fields) {
        expect(scalarTypes.includes(field.type) || types.has(field.type), `${name}.${field.name}`).toBe(true);
        expect(field.label === 'map', `${name}.${field.name}`).toBe(field.key !== undefined);
        expect(field.doc).toMatch(/\.$/);
      }
    }
    for (const [name, methods] of Object.entries(own.services)) {
      expect(new Set(methods.map((method) => method.name)).size, name).toBe(methods.length);
      for (const method of methods) {
        expect([method.request in own.messages, method.response in own.messages], method.name).toEqual([true, true]);
      }
    }
  });

  test('is printed as it stands, so that a program can rewrite it', () => {
    const text = readFileSync(new URL(`../../../${own.file}`, import.meta.url), 'utf8');
    const { messages, enums, services } = own;
    const constants = own.name === 'model_config' ? { messages, enums } : { messages, enums, services };
    expect(rewriteTable(text, own.file, constants)).toBe(text);
  });

  test('holds what a release must declare to be compared with it', () => {
    expect('message' in own.anchor ? own.anchor.message in own.messages : own.anchor.service in own.services).toBe(
      true,
    );
  });
});

test('facts that are easily mistaken', () => {
  const grpc = schemas[1]!;
  const number = (message: string, name: string) =>
    grpc.messages[message]!.find((field) => field.name === name)?.number;
  expect(number('ModelInferRequest', 'raw_input_contents')).toBe(7);
  expect(number('ModelInferResponse', 'raw_output_contents')).toBe(6);
  expect(number('InferParameter', 'double_param')).toBe(4);
  expect(number('InferParameter', 'uint64_param')).toBe(5);
  expect(grpc.services.GRPCInferenceService).toHaveLength(20);
  const streams = grpc.services.GRPCInferenceService!.filter((method) => method.requestStream || method.responseStream);
  expect(streams).toMatchObject([{ name: 'ModelStreamInfer', requestStream: true, responseStream: true }]);
  expect(schemas[2]!.services.Health!.map((method) => method.name)).toEqual(['Check']);
});
