import { expect, test } from 'vitest';
import { planVariants, referenceId, variants } from './variants.ts';

test('every layout in every precision, ONNX Runtime, PyTorch and ModelOpt, each after what it is made from', () => {
  const ids = variants.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]).toBe(referenceId);
  for (const layout of ['padded', 'packed']) {
    for (const precision of ['fp32', 'fp16', 'int8', 'int8-weight-only', 'int4-weight-only']) {
      expect(ids).toContain(`${layout}-${precision}`);
    }
  }
  expect(ids).toEqual(expect.arrayContaining(['onnxruntime-extended', 'onnxruntime-all', 'torch-export']));
  expect(ids).toEqual(
    expect.arrayContaining(['torch-onnx-trace', 'torchscript', 'modelopt-int8', 'modelopt-autocast']),
  );
  for (const [index, { from }] of variants.entries()) {
    if (from !== undefined) expect(ids.slice(0, index)).toContain(from);
  }
});

test('what is asked for brings what it is made from and compared with', () => {
  const ids = (wanted: string[]) => planVariants(wanted).map(({ id }) => id);
  expect(ids(['packed-int8'])).toEqual(['padded-fp32', 'packed-int8']);
  expect(ids(['torch-export-no-runtime-passes'])).toEqual([
    'padded-fp32',
    'torch-export',
    'torch-export-no-runtime-passes',
  ]);
  expect(ids(['modelopt'])).toEqual(['padded-fp32', 'modelopt-int8', 'modelopt-autocast']);
  expect(planVariants()).toBe(variants);
});

test('an unknown variant is named, and what there is', () => {
  expect(() => planVariants(['conch', 'int8'])).toThrow(/^no variant 'int8'; there are padded-fp32, padded-fp16, /);
});
