import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentProgress } from '../base/index.ts';
import { findTarget } from '../onnx/index.ts';
import type { CompileContext } from './artifact.ts';
import type { ModuleDeployment } from './deployment.ts';
import { makeModuleModel } from './module-model.ts';
import { FakeTools } from './python/testing/fake-python.ts';

// A script stands for Python here; `npm run test:torch` exports with PyTorch.
const packages = { numpy: '2', onnx: '1', onnxruntime: '1', onnxscript: '0', safetensors: '0', torch: '2.15.0' };
const deployment: ModuleDeployment = {
  module: './net.py:Net',
  inputs: [{ name: 'x', datatype: 'TYPE_FP32', dims: [4] }],
  outputs: ['logits'],
};
const onnx = { file: 'model.onnx', method: 'torch.export', error: 1e-7, allowed: 1e-4, output: 0, shape: [1, 4] };
const torchscript = { ...onnx, file: 'model.pt', method: 'trace' };
const done = {
  inputs: [{ name: 'x', datatype: 'FP32', dims: [4] }],
  outputs: [{ name: 'logits', datatype: 'FP32', dims: [2] }],
  by_name: true,
  formats: { onnx, torchscript },
  samples: 12,
  parameters: 58,
};

let dir: string;
let tools: FakeTools;
let context: CompileContext;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-module-model-'));
  tools = new FakeTools(join(dir, 'tools')).python({ packages }).exportWith([{ progress: 0.1, doing: 'x' }, { done }]);
  vi.stubEnv('CONCH_CACHE', join(dir, 'cache'));
  context = {
    repository: join(dir, 'models'),
    target: findTarget('triton:26.07'),
    baseDir: dir,
    force: false,
    toolVersion: '1',
    python: join(tools.bin, 'python3'),
    progress: silentProgress,
  };
  await writeFile(join(dir, 'net.py'), 'import layers\nclass Net: ...\n');
  await writeFile(join(dir, 'layers.py'), 'import torch\n');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const make = (changes: Partial<ModuleDeployment> = {}, name = 'net') =>
  makeModuleModel(context, name, { ...deployment, ...changes });
const config = (model: string) => readFileSync(join(dir, 'models', model, 'config.pbtxt'), 'utf8').replace(/\s+/g, ' ');
const exports = () => tools.log().filter((call) => call.includes('export_module.py')).length;

describe('what is written', () => {
  test('ONNX under the name, TorchScript beside it, from one run of Python', async () => {
    const made = await make();
    expect(made.map(({ name, action }) => [name, action])).toEqual([
      ['net', 'built'],
      ['net-torchscript', 'built'],
    ]);
    expect(exports()).toBe(1);
    expect(await readdir(join(dir, 'models/net/1'))).toEqual(['model.onnx']);
    expect(await readdir(join(dir, 'models/net-torchscript/1'))).toEqual(['model.pt']);
    expect(config('net')).toContain('platform: "onnxruntime_onnx"');
    expect(config('net')).toContain('name: "logits" data_type: TYPE_FP32 dims: [ 2 ]');
    expect(config('net-torchscript')).toContain('platform: "pytorch_libtorch" backend: "pytorch"');
    expect(config('net-torchscript')).toMatch(/input \[ \{ name: "x" .* output \[ \{ name: "logits__0" /);
    expect(made[0]!.manifest).toMatchObject({
      source: { kind: 'module', module: './net.py:Net' },
      parameters: 58,
      exporter: 'torch.export',
      opset: 18,
      accuracy: { samples: 12, worstAbsoluteError: 1e-7 },
      environment: { python: '3.12.1', ...packages },
    });
    expect(Object.keys(made[0]!.manifest.inputs)).toEqual(['layers.py', 'net.py']);
    expect(tools.order()).toMatchObject({
      file: join(dir, 'net.py'),
      class: 'Net',
      inputs: [{ name: 'x', datatype: 'FP32', dims: [4] }],
      outputs: ['logits'],
      batch: true,
      max_rows: 8,
      formats: ['onnx', 'torchscript'],
      versions: { opset: 18 },
      seed: 0,
    });
    expect(existsSync(tools.order().out as string)).toBe(false);
  });

  test('Python is not asked for while nothing changes; a file that the module imports counts', async () => {
    await make();
    context = { ...context, python: '/none/python3' };
    expect((await make()).map(({ action }) => action)).toEqual(['unchanged', 'unchanged']);
    await writeFile(join(dir, 'layers.py'), 'import torch.nn\n');
    await expect(make()).rejects.toMatchObject({ code: 'ENVIRONMENT_MISSING' });
  });

  test('a single format has the name', async () => {
    tools.exportWith([{ done: { ...done, by_name: false, formats: { torchscript } } }]);
    const made = await make({ formats: ['torchscript'], outputs: ['logits__0'] });
    expect(made.map(({ name }) => name)).toEqual(['net']);
    expect(config('net')).toMatch(/input \[ \{ name: "x__0" /);
  });

  test('without batches, with dimensions that vary, arguments and weights', async () => {
    await writeFile(join(dir, 'net.bin'), 'weights');
    const inputs = [{ name: 'x', datatype: 'FP32' as const, dims: ['length', 4] }];
    tools.exportWith([{ done: { ...done, inputs } }]);
    const [made] = await make({
      module: { file: './net.py', class: 'Net', args: { hidden: 8 } },
      state_dict: 'net.bin',
      inputs,
      max_batch_size: 0,
      sample: { x: [[1, 2, 3, 4]] },
    });
    expect(tools.order()).toMatchObject({
      args: { hidden: 8 },
      state_dict: join(dir, 'net.bin'),
      batch: false,
      samples: [{ x: [[1, 2, 3, 4]] }],
    });
    expect(config('net')).toContain('dims: [ -1, 4 ]');
    expect(config('net')).not.toContain('dynamic_batching');
    expect(Object.keys(made!.manifest.inputs)).toContain('state_dict net.bin');
  });
});

describe('what is refused', () => {
  const frame = { file: '/m/net.py', line: 7, function: 'forward', text: 'return self.nett(x)' };
  const failed = { stage: 'call', code: 'MODULE_FAILED', kind: 'AttributeError', message: 'no nett', frame };

  test.each<[string, object, string, string]>([
    [
      'an error in forward',
      failed,
      'net: could not run the samples: AttributeError: no nett (/m/net.py:7: return self.nett(x))',
      'compare `inputs` (order, datatype, dims without the batch) with what forward takes',
    ],
    [
      'a missing package',
      {
        ...failed,
        stage: 'import',
        kind: 'ModuleNotFoundError',
        message: "No module named 'einops'",
        missing: 'einops',
      },
      "ModuleNotFoundError: No module named 'einops'",
      '-m pip install einops; or set CONCH_PYTHON',
    ],
    [
      'arguments of the constructor',
      { ...failed, stage: 'construct', kind: 'TypeError', message: "missing 'hidden'" },
      "TypeError: missing 'hidden'",
      'module: { file, class, args }',
    ],
    [
      'what cannot be exported',
      { ...failed, stage: 'onnx', kind: 'GuardOnDataDependentSymNode', message: 'u0 > 0' },
      'u0 > 0 (/m/net.py:7',
      'leave onnx out of `formats`',
    ],
    [
      'what conch finds itself',
      {
        stage: 'import',
        code: 'MODULE_FAILED',
        message: 'net.py defines 2 modules: A, B',
        fix: 'name one',
        frame: null,
      },
      'net.py defines 2 modules: A, B',
      'name one',
    ],
  ])('%s', async (_, failure, message, fix) => {
    tools.exportWith([{ progress: 0.3, doing: 'run the samples' }, { failed: failure }]);
    const error = await make().catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'MODULE_FAILED' });
    expect(error.message).toContain(message);
    expect(error.fix).toContain(fix);
    const log = join(dir, 'cache/logs/net-export.log');
    expect(error.fix).toContain(`The whole traceback is in ${log}`);
    expect(readFileSync(log, 'utf8')).toBe('Traceback: of the log\n');
    expect(existsSync(join(dir, 'models/net'))).toBe(false);
  });

  test('the frame of the error is its place', async () => {
    tools.exportWith([{ failed }]);
    await expect(make()).rejects.toMatchObject({ where: { file: '/m/net.py', line: 7 } });
  });

  test('a process that ends without a word, or does not end', async () => {
    tools.exportWith(3);
    await expect(make()).rejects.toThrow(
      'net: Python ended with exit code 3 while it was to start Python (Traceback: of the log)',
    );
    tools.exportWith('for ever');
    await expect(make({ timeout_seconds: 1.5 })).rejects.toMatchObject({
      message: 'net: Python ended with timeout while it was to start Python',
      fix: expect.stringContaining('raise timeout_seconds'),
    });
  });

  test.each<[string, object, string, string]>([
    [
      'ACCURACY_MISSED',
      { onnx, torchscript: { ...torchscript, error: 0.25, shape: [5, 4] } },
      "net: torchscript departs from the module by 0.250 in output 'logits' for a first input of shape [5,4]",
      'branches on the values or shapes',
    ],
    ['ACCURACY_MISSED', { onnx: { ...onnx, error: 1e308 }, torchscript }, 'in shape, type or in what is no number', ''],
    [
      'MODULE_FAILED',
      { onnx: { ...onnx, unused: ['mask'] }, torchscript },
      "net: no output depends on input 'mask'",
      "take 'mask' out of `inputs`",
    ],
  ])('%s: nothing is written', async (code, formats, message, fix) => {
    tools.exportWith([{ done: { ...done, formats } }]);
    await expect(make()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      fix: expect.stringContaining(fix),
    });
    expect(existsSync(join(dir, 'models/net'))).toBe(false);
    expect(existsSync(join(dir, 'models/net-torchscript'))).toBe(false);
  });

  test('a difference within the tolerance of the deployment is not one', async () => {
    tools.exportWith([{ done: { ...done, formats: { onnx: { ...onnx, error: 0.25, allowed: 0.5 }, torchscript } } }]);
    expect(await make({ tolerance: 0.5 })).toHaveLength(2);
    expect(tools.order().tolerance).toBe(0.5);
  });

  test('outputs that are not as the deployment says', async () => {
    await expect(make({ outputs: [{ name: 'logits', dims: [3] }] })).rejects.toMatchObject({
      code: 'DEPLOYMENT_INVALID',
      message: "models.net.outputs: 'logits' is said to be FP32 [3]; forward returns FP32 [2]",
    });
    expect(await make({ outputs: [{ name: 'logits', datatype: 'TYPE_FP32', dims: [-1] }] })).toHaveLength(2);
  });

  test('samples that lack an input', async () => {
    await expect(make({ sample: [{ x: [[1, 2, 3, 4]] }, { y: [[1]] }] })).rejects.toMatchObject({
      code: 'DEPLOYMENT_INVALID',
      message: 'models.net.sample: expected values for x, got them for y',
    });
  });

  test('dimensions that vary apart from each other get a hint', async () => {
    tools.exportWith([{ failed }]);
    const inputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32' as const, dims: [-1] }));
    await expect(make({ inputs })).rejects.toMatchObject({
      fix: expect.stringContaining('dimensions that must be equal need the same name in place of -1'),
    });
  });

  test('files that are not there', async () => {
    await expect(make({ module: './no.py' })).rejects.toThrow(`models.net.module: no file at ${join(dir, 'no.py')}`);
    await expect(make({ state_dict: 'no.bin' })).rejects.toThrow('models.net.state_dict: no file at');
  });

  test('an abort ends Python', async () => {
    tools.exportWith('for ever');
    const aborter = new AbortController();
    const progress = { start: () => ({ update() {}, done() {}, fail() {} }) };
    context = { ...context, signal: aborter.signal, progress };
    const reason = new Error('enough');
    const work = make();
    await vi.waitFor(() => expect(exports()).toBe(1), { timeout: 20_000 });
    aborter.abort(reason);
    await expect(work).rejects.toBe(reason);
  });
});

test('what a file imports from its own folder', async () => {
  const { withLocalImports } = await import('./python/local-imports.ts');
  await mkdir(join(dir, 'blocks/deep'), { recursive: true });
  const files = {
    'net.py': 'import os, layers as l\nfrom blocks import (attention,  # the one\n  norm)\nfrom .near import x\n',
    'layers.py': 'def late():\n    import blocks.deep.last\n',
    'near.py': '',
    'near2.py': '',
    'other.py': '',
    'blocks/__init__.py': '',
    'blocks/attention.py': 'from . import norm\nfrom .deep import last\nfrom ..near2 import y\n',
    'blocks/norm.py': 'text = "import other"\n',
    'blocks/deep/__init__.py': '',
    'blocks/deep/last.py': 'import net\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  expect(await withLocalImports(join(dir, 'net.py'))).toEqual(
    Object.keys(files)
      .filter((name) => name !== 'other.py')
      .sort(),
  );
});
