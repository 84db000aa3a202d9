import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { check } from '../src/check/index.ts';
import { checkDeployment, compileDeployment, type ModuleDeployment } from '../src/compile/index.ts';
import { Engine } from '../src/engine/index.ts';
import { findTarget } from '../src/onnx/index.ts';
import { openRepository } from '../src/repository/index.ts';

// `npm run test:torch`: CONCH_TORCH is an environment with PyTorch, as `conch env` makes it.
const environment = process.env.CONCH_TORCH;
const modules = resolve(import.meta.dirname, 'fixtures/modules');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-pytorch-module-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));
beforeAll(() => {
  if (environment) vi.stubEnv('CONCH_PYTHON', join(environment, 'bin/python3'));
});
afterAll(() => vi.unstubAllEnvs());

const x = { name: 'x', datatype: 'FP32', dims: [4] } as const;

async function compile(deployment: Partial<ModuleDeployment>, name = 'm') {
  const model = { inputs: [{ ...x, dims: [4] }], ...deployment };
  const checked = checkDeployment({ models: { [name]: model } }, 'test');
  const { models } = await compileDeployment(
    { deployment: checked, file: undefined, baseDir: modules },
    { repository: dir },
  );
  return models;
}

describe.runIf(environment)('PyTorch modules', { timeout: 300_000 }, () => {
  test('ONNX and TorchScript answer alike in the embedded server, and Triton would load both', async () => {
    const made = await compile({ module: './simple_net.py:SimpleNet', outputs: ['logits', 'best'] }, 'simple_net');
    for (const { manifest } of made) {
      expect((manifest.accuracy as { worstAbsoluteError: number }).worstAbsoluteError).toBeLessThan(1e-5);
      expect(Object.keys(manifest.inputs)).toEqual(['scaling.py', 'simple_net.py']);
    }
    expect(made[1]!.manifest.exporter).toBe('trace');
    const onnx = await readFile(join(dir, 'simple_net/1/model.onnx'));
    expect(onnx.includes(modules)).toBe(false);
    const repository = await openRepository(dir, { inspect: true });
    expect(check(repository, findTarget('triton:26.07')).filter(({ severity }) => severity === 'error')).toEqual([]);

    const engine = await Engine.open({ repository: dir });
    try {
      const data = Float32Array.from({ length: 12 }, (_, index) => Math.sin(index));
      const inputs = [{ name: 'x', datatype: 'FP32', shape: [3, 4], data }] as const;
      const [first, second] = await Promise.all(
        ['simple_net', 'simple_net-torchscript'].map((model) => engine.infer({ model, inputs: [...inputs] })),
      );
      expect(first!.outputs.map(({ name }) => name)).toEqual(['logits', 'best']);
      expect(second!.outputs.map(({ name }) => name)).toEqual(['best__1', 'logits__0']);
      for (const [index, { name, data, shape }] of first!.outputs.entries()) {
        const other = second!.outputs.find((output) => output.name === `${name}__${index}`)!;
        expect(other.shape).toEqual(shape);
        for (const [at, value] of [...data].entries()) expect(Number(other.data[at])).toBeCloseTo(Number(value), 5);
      }
    } finally {
      await engine.close();
    }
  });

  test('the example, with its trained weights, answers as it did where it was trained', async () => {
    const example = resolve(import.meta.dirname, '../examples/simple_net');
    await compile({
      module: `${example}/simple_net.py:SimpleNet`,
      state_dict: `${example}/weights.safetensors`,
      inputs: [{ ...x, dims: [10] }],
      outputs: ['prediction'],
      formats: ['onnx'],
    });
    const engine = await Engine.open({ repository: dir });
    try {
      const lines = (await readFile(`${example}/expected.jsonl`, 'utf8')).trim().split('\n');
      expect(lines.length).toBeGreaterThan(10);
      for (const line of lines) {
        const { inputs, outputs } = JSON.parse(line) as Record<string, Record<string, number[][]>>;
        const rows = inputs!.x!;
        const data = Float32Array.from(rows.flat());
        const answer = await engine.infer({
          model: 'm',
          inputs: [{ name: 'x', datatype: 'FP32', shape: [rows.length, 10], data }],
        });
        const wanted = outputs!.prediction!.flat();
        for (const [index, value] of wanted.entries())
          expect(Number(answer.outputs[0]!.data[index])).toBeCloseTo(value, 4);
      }
    } finally {
      await engine.close();
    }
  });

  test('texts of varying length: dimensions that inputs share, and one of an output', async () => {
    const [onnx, torchscript] = await compile({
      module: './encoder.py',
      inputs: [
        { name: 'mask', datatype: 'INT64', dims: ['sequence'], range: [1, 1] },
        { name: 'ids', datatype: 'INT64', dims: ['sequence'], range: [0, 99] },
      ],
      outputs: ['logits', 'hidden'],
      sample: [{ ids: [[1, 2, 3]], mask: [[1, 1, 0]] }],
    });
    const tensors = onnx!.manifest.tensors as { inputs: unknown[]; outputs: unknown[] };
    expect(tensors.inputs).toEqual([
      { name: 'ids', datatype: 'INT64', dims: [-1] },
      { name: 'mask', datatype: 'INT64', dims: [-1] },
    ]);
    expect(tensors.outputs).toEqual([
      { name: 'logits', datatype: 'FP32', dims: [2] },
      { name: 'hidden', datatype: 'FP32', dims: [-1, 8] },
    ]);
    expect(torchscript!.manifest.accuracy).toMatchObject({ samples: 17 });
  });

  test('a branch on values: scripted for TorchScript, refused for ONNX at its line', async () => {
    const [made] = await compile({ module: './awkward.py:Branching', formats: ['torchscript'] });
    expect(made!.manifest.exporter).toBe('script');
    const error = await compile({ module: './awkward.py:Branching', formats: ['onnx'] }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'MODULE_FAILED', where: { file: join(modules, 'awkward.py'), line: 9 } });
    expect(error.message).toContain('could not export ONNX');
    expect(error.fix).toContain('leave onnx out of `formats`');
  });

  test('a function that makes the module, outputs by key, no batch', async () => {
    const [made] = await compile({
      module: { file: './awkward.py', class: 'make', args: { factor: 3 } },
      max_batch_size: 0,
      formats: ['onnx'],
    });
    expect(made!.manifest.tensors).toMatchObject({ outputs: [{ name: 'output', dims: [4] }] });
    const named = await compile({ module: './awkward.py:Named', formats: ['onnx'], outputs: ['double', 'half'] }, 'n');
    expect(named[0]!.manifest.tensors).toMatchObject({ outputs: [{ name: 'double' }, { name: 'half' }] });
  });

  test('half precision may round as it does', async () => {
    const [onnx] = await compile({ module: './awkward.py:Half', outputs: ['logits', 'positive'] });
    expect(onnx!.manifest.tensors).toMatchObject({ outputs: [{ datatype: 'FP16' }, { datatype: 'BOOL' }] });
  });

  test('less than the allowed difference is needed: nothing is written', async () => {
    const inputs = [{ ...x, dims: [4], range: [-1000, 1000] as [number, number] }];
    await expect(
      compile({ module: './simple_net.py', inputs, tolerance: 1e-12, outputs: ['logits', 'best'] }),
    ).rejects.toMatchObject({
      code: 'ACCURACY_MISSED',
      message: expect.stringContaining('departs from the module by'),
    });
    expect((await openRepository(dir)).models).toEqual([]);
  });

  test.each<[string, Partial<ModuleDeployment>, string, object]>([
    [
      'a batch that is fixed',
      { module: './awkward.py:Folding' },
      "output 'output' has shape [2, 2] for a batch of 1",
      {},
    ],
    [
      'a batch that becomes a number',
      { module: './awkward.py:Counting' },
      "could not export ONNX: torch.export fixed dimension 0 of input 'x' at 2, the size in its sample",
      {},
    ],
    ['randomness', { module: './awkward.py:Random' }, 'answers the same inputs differently each time', {}],
    ['no class', { module: './awkward.py' }, 'defines 9 modules: Branching, Folding, ', {}],
    ['another class', { module: './awkward.py:Nett' }, 'awkward.py has no Nett', {}],
    ['a constructor with arguments', { module: './awkward.py:Asking' }, "required positional argument: 'size'", {}],
    ['too few inputs', { module: './awkward.py:Two' }, 'forward(x, mask) has no input for mask', {}],
    [
      'too many outputs',
      { module: './awkward.py:Named', outputs: ['a'] },
      'returns 2 tensors, but `outputs` names 1',
      {},
    ],
    ['an output without batch', { module: './awkward.py:Whole' }, "output 'output' has shape [] for a batch of 1", {}],
    ['outputs by key, as TorchScript', { module: './awkward.py:Named' }, 'forward returns a dict', {}],
    ['a missing package', { module: './unknown_import.py' }, "No module named 'no_such_package_at_all'", { line: 1 }],
    ['wrong syntax', { module: './no_syntax.py' }, 'could not import no_syntax.py: SyntaxError', { line: 1 }],
    [
      'inputs of another size',
      { module: './simple_net.py', inputs: [{ ...x, dims: [5] }] },
      'could not run the samples: RuntimeError: ',
      { file: join(modules, 'simple_net.py') },
    ],
  ])('%s is refused', async (_, deployment, message, where) => {
    await expect(compile(deployment)).rejects.toMatchObject({
      code: 'MODULE_FAILED',
      message: expect.stringContaining(message),
      where,
    });
  });
});
