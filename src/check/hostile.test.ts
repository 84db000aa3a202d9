import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configEnums, configMessages, type ModelConfig, parseConfig, printConfig } from '../config/index.ts';
import { check } from './check.ts';
import { applyFixes } from './fixes.ts';
import { formatGithub } from './format/github.ts';
import { formatJson } from './format/json.ts';
import { formatSarif } from './format/sarif.ts';
import { formatText } from './format/text.ts';
import { type Files, header, snapshot } from './testing.ts';
import { verdicts } from './verdicts.ts';

/** Names that meet each other, and names that objects have by birth. */
const names = [
  '',
  'a',
  'b',
  'e',
  'x',
  'y',
  't',
  '__proto__',
  'constructor',
  'toString',
  '..',
  '../a',
  'model.py',
  '$&',
  'a\n\u001b[2J',
];
const numbers = [-2, -1, 0, 1, 2, 3, 4, 8, 9, 2 ** 31 - 1];
const tensors = ['x', 'y', 't', '__proto__'];

function anyValue(type: string, depth: number): fc.Arbitrary<unknown> {
  if (configMessages[type] !== undefined) return anyMessage(type, depth + 1);
  if (configEnums[type] !== undefined) return fc.constantFrom(...Object.keys(configEnums[type]!), 99);
  if (type === 'string') return fc.constantFrom(...names);
  if (type === 'bool') return fc.boolean();
  if (type === 'float' || type === 'double') return fc.constantFrom(-0.5, 0, 0.5, 1, 2, Number.NaN, Infinity);
  if (type.startsWith('u')) return fc.constantFrom(...numbers.filter((one) => one >= 0));
  return fc.constantFrom(...numbers);
}

/** Any message: each field is given or not, oneofs with one member at most. */
function anyMessage(type: string, depth = 0): fc.Arbitrary<object> {
  const fields = configMessages[type]!.filter(() => depth < 5);
  const shape = fields.map((field) => {
    const value = anyValue(field.type, depth);
    const many = fc.array(value, { maxLength: 3 });
    const map = fc.array(
      fc.tuple(field.key === 'uint64' ? fc.constantFrom('0', '1', '3') : fc.constantFrom(...names), value),
      { maxLength: 2 },
    );
    const given =
      field.label === 'map'
        ? map.map((entries) => Object.fromEntries(entries))
        : field.label === 'repeated'
          ? many
          : value;
    return fc.tuple(fc.constant(field), fc.option(given, { nil: undefined, freq: 2, depthSize: 'max' }));
  });
  return fc.tuple(...shape).map((members) => {
    const message: Record<string, unknown> = {};
    const taken = new Set<string>();
    for (const [field, value] of members) {
      if (value === undefined || (field.oneof !== undefined && taken.has(field.oneof))) continue;
      if (field.oneof !== undefined) taken.add(field.oneof);
      message[field.name] = value;
    }
    return message;
  });
}

const backends = ['python', 'onnxruntime', 'tensorrt', 'pytorch', ''];
const anyModel = fc
  .tuple(anyMessage('ModelConfig'), fc.constantFrom(...backends), fc.boolean())
  .map(([config, backend, keep]) => (keep ? config : { ...config, backend, platform: '' }) as ModelConfig);
const anyEnsemble = fc
  .tuple(anyMessage('ModelEnsembling'), anyMessage('ModelConfig'))
  .map(([ensemble_scheduling, { input = [], output = [] }]: [object, ModelConfig]) => ({
    platform: 'ensemble',
    input,
    output,
    ensemble_scheduling,
  }));

const anyRepository: fc.Arbitrary<Files> = fc
  .record({ a: anyModel, b: anyModel, e: anyEnsemble, f: anyEnsemble })
  .map((models) => {
    const files: Record<string, Files[string]> = {
      'a/1/model.onnx': header({ x: ['FP32', 'N', 4] }, { y: ['INT64', 2] }),
    };
    for (const [name, config] of Object.entries(models)) {
      files[`${name}/config.pbtxt`] = printConfig(config);
      files[`${name}/1/model.py`] = '';
    }
    return files;
  });

test('whatever configs say, checking answers, in order and with a place for everything', () => {
  fc.assert(
    fc.property(anyRepository, (files) => {
      const repository = snapshot(files);
      const found = check(repository, undefined, { host: { gpus: [0], cores: 2 } });
      for (const { code, message, where, fix } of found) {
        expect(message).not.toMatch(/\n|undefined|NaN:|\[object/);
        expect(fix?.text.length ?? 1).toBeGreaterThan(0);
        expect(where.file?.startsWith('/models')).toBe(true);
        const text = String(files[where.file!.slice('/models/'.length)] ?? '');
        if (where.line !== undefined && text !== '') {
          expect(where.line, code).toBeLessThanOrEqual(text.split('\n').length);
        }
      }
      expect(check(repository, undefined, { host: { gpus: [0], cores: 2 } })).toEqual(found);
      const judged = verdicts(repository, found);
      expect(Object.keys(judged)).toEqual(['a', 'b', 'e', 'f']);
      JSON.parse(formatJson(found, repository));
      JSON.parse(formatSarif(found, repository));
      expect(formatText(found, repository)).not.toContain('undefined');
      expect(formatGithub(found).split('\n').length).toBe(Math.max(1, found.length));
      for (const { text } of applyFixes(repository, found)) {
        expect(parseConfig(text).diagnostics.filter((one) => one.severity === 'error')).toEqual([]);
      }
    }),
    { seed: 20, numRuns: 150 },
  );
});

test('tensors named like members of objects are tensors', () => {
  const steps = tensors.map(
    (name) => `{ model_name: "a" model_version: -1 input_map { key: "${name}" value: "${name}" } }`,
  );
  const files = {
    'e/config.pbtxt': `platform: "ensemble" ensemble_scheduling { step [ ${steps.join(', ')} ] }`,
    'e/1/': '',
  };
  expect(check(snapshot(files)).some((one) => one.code === 'ensemble/step-incomplete')).toBe(true);
});
