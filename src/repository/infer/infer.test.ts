import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { printConfig } from '../../config/index.ts';
import { type InferOptions, inferConfig, type Manifest, readModel, runAutoComplete } from '../index.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-infer-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Writes a model `m`; content that starts with `@` is a fixture. */
async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, 'm', path);
    await mkdir(dirname(file), { recursive: true });
    if (content.startsWith('@')) await copyFile(join(fixtures, content.slice(1)), file);
    else await writeFile(file, content);
  }
}

async function infer(files: Readonly<Record<string, string>>, options?: InferOptions) {
  await write(files);
  const { config, changes, notes, gaps } = await inferConfig(
    await readModel(join(root, 'm'), { inspect: true }),
    options,
  );
  return {
    config,
    text: printConfig(config),
    changes: changes.map(({ path, by }) => `${path} ${by}`),
    notes,
    gaps: gaps.map(({ path, needs }) => `${path}: ${needs}`),
  };
}

const manifest = (more: Partial<Manifest>): string => {
  const tensors = {
    inputs: [{ name: 'x', datatype: 'FP32', dims: [-1, 4] }],
    outputs: [{ name: 'y', datatype: 'BYTES', dims: [1] }],
  };
  const tool = { name: 'conch-triton', version: '0', node: '0' };
  const head = { format: 1, name: 'm', version: 1, inputsHash: 'h', inputs: {}, artifacts: {}, tool, created: '' };
  return JSON.stringify({ ...head, target: 'triton:26.07', source: {}, tensors, ...more });
};

describe('ONNX', () => {
  test('a model without a configuration gets all that Triton would fill in', async () => {
    const { text, changes, notes, gaps } = await infer({ '1/model.onnx': '@onnx/row_sum.onnx' });
    expect(text).toBe(`name: "m"
platform: "onnxruntime_onnx"
backend: "onnxruntime"
version_policy { latest { num_versions: 1 } }
max_batch_size: 4
input [
  {
    name: "ids"
    data_type: TYPE_INT64
    dims: [ -1 ]
  }
]
output [
  {
    name: "total"
    data_type: TYPE_INT64
    dims: [ 1 ]
  }
]
dynamic_batching { }
default_model_filename: "model.onnx"
`);
    expect(changes).toEqual([
      ...[
        'name server',
        'backend server',
        'platform server',
        'default_model_filename server',
        'version_policy default',
      ],
      ...['max_batch_size backend', 'dynamic_batching backend', 'input file', 'output file'],
    ]);
    expect(notes).toEqual([
      'every input and output begins with a dynamic dimension (ids [batch, sequence], total [batch, 1]), which is taken for ' +
        'the batch: max_batch_size is 4, the default of the server, and dims leave that dimension out',
    ]);
    expect(gaps).toEqual([]);
  });

  test('the batch size may be given, also as none', async () => {
    const files = { '1/model.onnx': '@onnx/row_sum.onnx' };
    const eight = await infer(files, { maxBatchSize: 8 });
    expect(eight.config.max_batch_size).toBe(8);
    expect(eight.notes[0]).toMatch(/: max_batch_size is 8, and dims leave that dimension out$/);
    const none = await infer(files, { maxBatchSize: 0 });
    expect(none.config).toMatchObject({ max_batch_size: 0, input: [{ dims: [-1, -1] }], output: [{ dims: [-1, 1] }] });
    expect(none.config.dynamic_batching).toBeUndefined();
    expect(none.notes).toEqual([
      'max_batch_size is 0 as asked for: dims are whole shapes, and Triton forms no batches',
    ]);
    expect((await infer(files, { defaultMaxBatchSize: 16 })).config.max_batch_size).toBe(16);
  });

  test('a fixed first dimension is no batch', async () => {
    const { config, notes } = await infer({ '1/model.onnx': '@onnx/double.onnx' });
    expect(config).toMatchObject({ input: [{ dims: [3] }], output: [{ dims: [3] }] });
    expect(config.max_batch_size).toBeUndefined();
    expect(notes).toEqual([
      'x [3] has a fixed first dimension, so that Triton forms no batches: max_batch_size is 0, dims are whole shapes',
    ]);
  });

  test('first dimensions of different names are doubted, many tensors are cut short', async () => {
    const { notes } = await infer({ '1/model.onnx': '@onnx/collapse.onnx' });
    expect(notes[1]).toBe(
      'those first dimensions have different names (batch, rows): if they are not one batch, use --max-batch-size 0',
    );
    const many = await infer({ '1/model.onnx': '@onnx/identities.onnx' });
    expect(many.notes[0]).toContain('in_int32 [batch, 2], 18 more), which is taken for the batch');
    expect((await infer({ '1/model.onnx': '@onnx/scalar.onnx' })).notes[0]).toMatch(
      /^x \[\] has no dimensions, so that/,
    );
  });

  test('what is configured stays, and only a missing side is added', async () => {
    const config =
      'input { name: "ids" data_type: TYPE_INT64 dims: 7 }\nmax_batch_size: 2\ninstance_group { count: 3 }';
    const { changes, config: found } = await infer({ '1/model.onnx': '@onnx/row_sum.onnx', 'config.pbtxt': config });
    expect(found).toMatchObject({ max_batch_size: 2, input: [{ dims: [7] }], instance_group: [{ count: 3 }] });
    expect(Object.keys(found.instance_group![0]!)).toEqual(['count']);
    expect(changes.slice(-2)).toEqual(['dynamic_batching backend', 'output file']);
  });

  test('nothing is missing in a complete configuration', async () => {
    await infer({ '1/model.onnx': '@onnx/row_sum.onnx' }).then(({ text }) => write({ 'config.pbtxt': text }));
    expect(await infer({})).toMatchObject({ changes: [], notes: [], gaps: [] });
  });

  test('what Triton would refuse is refused', async () => {
    const fixed = { '1/model.onnx': '@onnx/double.onnx', 'config.pbtxt': '\nmax_batch_size: 8' };
    await expect(infer(fixed)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('max_batch_size is 8, but x of the ONNX model has the shape [3]'),
      where: { file: join(root, 'm/config.pbtxt'), line: 2, column: 17 },
    });
    await expect(infer({ '1/model.onnx': '@onnx/sequence.onnx', 'config.pbtxt': '' })).rejects.toThrow(
      'is not a tensor',
    );
  });

  test('a file that is missing or broken is named', async () => {
    await expect(infer({ '1/other.onnx': '', 'config.pbtxt': 'backend: "onnxruntime"' })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `${join(root, 'm/1/model.onnx')} is missing`,
      fix: 'put the model file there, or name another one in default_model_filename',
    });
    await expect(infer({ '1/model.onnx': 'x' })).rejects.toMatchObject({ code: 'ONNX_INVALID' });
  });
});

describe('conch.json', () => {
  const plan = { '1/model.plan': 'x' };

  test('tells the tensors of a plan, and its profiles the batch', async () => {
    const profiles = [{ min: 1, max: 2 }, { min: 3, max: 16 }]; // biome-ignore format: one line
    const { config, changes, notes, gaps } = await infer({
      ...plan,
      'conch.json': manifest({ tensorrt: { profiles } }),
    });
    expect(config).toMatchObject({
      platform: 'tensorrt_plan',
      max_batch_size: 16,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1, 4] }],
      output: [{ name: 'y', data_type: 'TYPE_STRING', dims: [1] }],
      dynamic_batching: {},
    });
    expect(changes.slice(0, 4)).toEqual(['input file', 'output file', 'max_batch_size file', 'dynamic_batching file']);
    expect(notes).toEqual(['the profiles of the plan go up to batches of 16: max_batch_size is 16']);
    expect(gaps).toEqual([]);
  });

  test('without profiles the batch is that of Triton, or the one given', async () => {
    const files = { ...plan, 'conch.json': manifest({}) };
    expect(await infer(files)).toMatchObject({
      config: { max_batch_size: 4 },
      notes: [
        'conch.json does not say how large a batch may be: max_batch_size is 4, the default of Triton; --max-batch-size sets another',
      ],
    });
    expect((await infer(files, { maxBatchSize: 1 })).config).toMatchObject({ max_batch_size: 1 });
    expect((await infer(files, { maxBatchSize: 1 })).config.dynamic_batching).toBeUndefined();
    const kept = await infer({ ...files, 'config.pbtxt': 'max_batch_size: 2 sequence_batching { }' });
    expect(kept.config).toMatchObject({ max_batch_size: 2, sequence_batching: {} });
    expect(kept.notes).toEqual([]);
  });

  test('without its tensors a plan stays open', async () => {
    const { gaps } = await infer({ ...plan, 'conch.json': manifest({ tensors: {} }) });
    expect(gaps).toEqual([
      'input: the inputs of the plan (or leave them to Triton): only TensorRT can read them, and conch.json has none',
      'output: the outputs of the plan (or leave them to Triton): only TensorRT can read them, and conch.json has none',
    ]);
  });
});

describe('TorchScript', () => {
  test('names from the archive, and gaps for what it does not tell', async () => {
    const { config, notes, gaps } = await infer({ '1/model.pt': '@torchscript/scripted.pt' });
    expect(config).toMatchObject({
      platform: 'pytorch_libtorch',
      backend: 'pytorch',
      max_batch_size: 0,
      input: [{ name: 'x' }, { name: 'mask' }],
      output: [{ name: 'OUTPUT__0' }, { name: 'OUTPUT__1' }],
    });
    expect(notes).toEqual(['1/model.pt declares forward(x: Tensor, mask: Optional[Tensor]) -> Tuple[Tensor, Tensor]']);
    expect(gaps).toEqual([
      'max_batch_size: the largest batch, if every first dimension is one (then leave it out of dims); 1/model.pt does not tell',
      'input[0]: data_type and dims of x, which 1/model.pt does not tell',
      'input[1]: data_type and dims of mask, which 1/model.pt does not tell',
      'output[0]: data_type and dims of result 0, which 1/model.pt does not tell',
      'output[1]: data_type and dims of result 1, which 1/model.pt does not tell',
    ]);
  });

  test('a traced model also tells types and shapes', async () => {
    const { config, gaps } = await infer({ '1/model.pt': '@torchscript/traced.pt' });
    expect(config.input).toEqual([
      { name: 'input_ids', data_type: 'TYPE_INT64', dims: [1, 3] },
      { name: 'flag', data_type: 'TYPE_BOOL', dims: [1, 3] },
      { name: 'scalar', data_type: 'TYPE_FP32' },
    ]);
    expect(gaps.slice(1)).toEqual([
      'input[0].dims: -1 where input_ids may vary from [1, 3], the shape it was traced with',
      'input[1].dims: -1 where flag may vary from [1, 3], the shape it was traced with',
      'input[2].dims: dims of scalar: it was traced with a scalar, which Triton cannot feed; export it with a dimension',
      'output: the outputs, once forward returns a Tensor, a List[str] or a Tuple of these: Triton does not take Dict[str, Tensor]',
    ]);
  });

  test('strings are told, other types cannot be fed', async () => {
    const { config, gaps } = await infer({
      '1/model.pt': '@torchscript/texts.pt',
      'config.pbtxt': 'max_batch_size: 0',
    });
    expect(config.input).toEqual([{ name: 'texts', data_type: 'TYPE_STRING', dims: [-1] }]);
    expect(config.output).toEqual([{ name: 'OUTPUT__0', data_type: 'TYPE_STRING', dims: [-1] }]);
    expect(gaps).toEqual([
      'input: a tensor in place of count, which is an int that Triton cannot feed: export the model anew',
      'input: one input for each key of named, a Dict[str, Tensor]; 1/model.pt does not tell them',
    ]);
  });

  test('what is filled in by hand stays, and the rest is asked for', async () => {
    const config =
      'max_batch_size: 8\ninput { name: "x" data_type: TYPE_FP32 } output { dims: 2 data_type: TYPE_INVALID }';
    const { gaps } = await infer({ '1/model.pt': '@torchscript/scripted.pt', 'config.pbtxt': config });
    expect(gaps).toEqual([
      "input[0].dims: the dims of input 'x'",
      'output[0].name: the name of output[0]',
      'output[0].data_type: the data_type of output[0]',
    ]);
  });

  test('weights alone are no model', async () => {
    await expect(infer({ '1/model.pt': '@torchscript/weights.pt' })).rejects.toMatchObject({
      code: 'FILE_INVALID',
      fix: 'save it with torch.jit.save',
    });
  });
});

describe('other models', () => {
  test('an ensemble and backends that conch cannot read stay open', async () => {
    const ensemble = await infer({ '1/.keep': '', 'config.pbtxt': 'platform: "ensemble" ensemble_scheduling { }' });
    expect(ensemble.gaps).toEqual(['input: the inputs of the ensemble', 'output: the outputs of the ensemble']);
    await rm(join(root, 'm'), { recursive: true });
    const { gaps } = await infer({ '1/model.xml': '', 'config.pbtxt': 'batch_input { kind: BATCH_ELEMENT_COUNT }' });
    expect(gaps).toEqual(['output: the outputs: conch cannot read the model files of backend openvino']);
  });

  test('without a version, a backend or a well-formed configuration there is nothing to go by', async () => {
    await expect(infer({ 'config.pbtxt': 'backend: "python"' })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
      message: `${join(root, 'm')} holds no version folder`,
      fix: 'put the model file into a folder 1/',
    });
    await expect(infer({ '1/model.bin': '', 'config.pbtxt': '' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'the backend of m is not given and cannot be told from its files or its name',
      where: { file: join(root, 'm/config.pbtxt') },
    });
    await expect(infer({ 'config.pbtxt': 'max_batch_size: x' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      where: { file: join(root, 'm/config.pbtxt'), line: 1, column: 17 },
    });
    const none = 'backend: "python" version_policy { specific { versions: 7 } }';
    await expect(infer({ 'config.pbtxt': none })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
      message: 'the version policy selects no version of m',
      fix: 'the folder holds 1',
    });
  });
});

const python = process.env.CONCH_PYTHON ?? 'python3';
const hasPython = (() => {
  try {
    execFileSync(python, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** A model.py with this body of auto_complete_config, which begins on its fourth line. */
const model = (...body: string[]) =>
  `import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
${body.map((line) => `        ${line}\n`).join('')}    def execute(self, requests: list[pb_utils.InferenceRequest]):
        return []
`;
const x = '{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}';

test('a Python model runs only with leave', async () => {
  await expect(infer({ '1/model.py': model('return config') })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'the model fills in its configuration itself, in auto_complete_config, and must run to tell what',
    where: { file: join(root, 'm/1/model.py') },
    fix: 'if you trust the model, allow it with --run-python',
  });
  const complete = 'input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }';
  expect((await infer({ 'config.pbtxt': complete })).gaps).toEqual([]);
  expect((await infer({ '1/model.py': 'pass', 'config.pbtxt': '' })).gaps).toEqual([
    'input: the inputs of model.py, which adds none in auto_complete_config',
    'output: the outputs of model.py, which adds none in auto_complete_config',
  ]);
});

describe.skipIf(!hasPython)('a Python model that runs', () => {
  const run = (...body: string[]) => infer({ '1/model.py': model(...body) }, { python: { command: python } });
  const refused = (...body: string[]) =>
    run(...body).then(
      () => 'accepted',
      (error) => `${error.code} ${error.where?.line ?? '-'} ${error.message}`,
    );

  test('sets its configuration', async () => {
    const { config, changes, notes } = await run(
      'print("noise", config.as_dict()["name"], config.as_dict()["backend"])',
      `config.add_input({**${x}, "optional": True})`,
      'config.add_output({"name": "y", "data_type": "TYPE_STRING", "dims": 1})',
      'config.set_max_batch_size(8)',
      'config.set_dynamic_batching()',
      'config.set_model_transaction_policy({"decoupled": True})',
      'return config',
    );
    expect(config).toMatchObject({
      backend: 'python',
      max_batch_size: 8,
      dynamic_batching: {},
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [4], optional: true }],
      output: [{ name: 'y', data_type: 'TYPE_STRING', dims: [1] }],
      model_transaction_policy: { decoupled: true },
    });
    expect(changes.slice(-5)).toEqual(
      ['max_batch_size', 'input[0]', 'output[0]', 'dynamic_batching', 'model_transaction_policy.decoupled'].map(
        (path) => `${path} backend`,
      ),
    );
    expect(notes).toEqual(['auto_complete_config of 1/model.py was run']);
  });

  test('sees what is configured, with the same errors as in Triton', async () => {
    const config = `max_batch_size: 8 model_transaction_policy { }
      input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" dims: 2 }`;
    await write({ 'config.pbtxt': config });
    const y = '{"name": "y", "data_type": "TYPE_FP32", "dims": [2]}';
    const { changes } = await run(
      `config.add_input(${x})`,
      `config.add_output(${y})`,
      'config.set_max_batch_size(8)',
      'return config',
    );
    expect(changes.slice(-1)).toEqual(['output[0].data_type backend']);
    expect(await refused('config.set_max_batch_size(4)')).toBe(
      'MODEL_LOAD_FAILED 5 ValueError: max_batch_size is 8, set_max_batch_size wants 4',
    );
    expect(await refused(`config.add_input({**${x}, "dims": [5]})`)).toContain(
      "input 'x': dims is [4], add_input says [5]",
    );
    expect(await refused(`config.add_input({**${x}, "data_type": "TYPE_FP16"})`)).toContain(
      "input 'x': data_type is TYPE_FP32, add_input says TYPE_FP16",
    );
    expect(await refused(`config.add_input({**${x}, "optional": True})`)).toContain(
      "input 'x': optional is False, add_input says True",
    );
    expect(await refused('pass', 'config.set_model_transaction_policy({"decoupled": True})')).toBe(
      'MODEL_LOAD_FAILED 6 ValueError: decoupled is False, set_model_transaction_policy wants True',
    );
    await write({ 'config.pbtxt': 'sequence_batching { }' });
    expect(await refused('config.set_dynamic_batching()')).toContain(
      'sequence_batching is configured, which set_dynamic_batching cannot replace',
    );
  });

  test.each([
    ['config.add_input({"data_type": "TYPE_FP32", "dims": [4]})', "5 ValueError: add_input: input '' lacks 'name'"],
    ['config.add_input({"name": "x", "dims": [4]})', "5 ValueError: add_input: input 'x' lacks 'data_type'"],
    ['config.add_output({"name": "x", "data_type": "TYPE_FP32"})', "5 ValueError: add_output: output 'x' lacks 'dims'"],
    [
      `config.add_output({**${x}, "optional": True})`,
      "5 ValueError: add_output: 'optional' is not a key of output 'x'",
    ],
    [
      'config.set_model_transaction_policy({"x": 1})',
      "5 ValueError: set_model_transaction_policy: 'x' is not a key, only 'decoupled' is",
    ],
    ['raise RuntimeError("boom")', '5 RuntimeError: boom'],
    ['import no_such_module', "5 ModuleNotFoundError: No module named 'no_such_module'"],
    ['exit(3)', '5 SystemExit: 3'],
    ['pb_utils.Tensor("x", None)', '5 TritonModelException: pb_utils.Tensor works in the running backend only'],
    ['pass', '- auto_complete_config must return the configuration, it returned NoneType'],
  ])('%s is refused', async (line, message) => {
    expect(await refused(line)).toBe(`MODEL_LOAD_FAILED ${message}`);
  });

  test('what is no configuration is refused, where Triton would drop it without a word', async () => {
    await write({ '1/model.py': model(`config.add_input({**${x}, "data_type": "FP32"})`, 'return config') });
    const file = join(root, 'm/1/model.py');
    await expect(runAutoComplete(file, { name: 'm', backend: 'python' }, { command: python })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        'auto_complete_config returns what is no configuration: input[0].data_type expects a value of DataType (DataType), found "FP32"',
      fix: 'write TYPE_FP32 (Triton drops all that the function set, without a word)',
    });
  });

  test('the module that models import has what that function may need', async () => {
    const { config } = await run(
      'config.add_input({"name": "a", "data_type": "TYPE_FP32", "dims": [1]})',
      'given = pb_utils.get_input_config_by_name(config.as_dict(), "a")',
      'assert pb_utils.get_output_config_by_name(config.as_dict(), "a") is None',
      'assert not pb_utils.using_decoupled_model_transaction_policy(config.as_dict())',
      'pb_utils.Logger.log_info("hello")',
      'class Own(pb_utils.TritonModelException): pass',
      'config.add_output({**given, "name": "b"})',
      'return config',
    );
    expect(config.output).toEqual([{ name: 'b', data_type: 'TYPE_FP32', dims: [1] }]);
  });

  test('a class that is missing, a syntax error and a method of another name are told', async () => {
    const runs = (text: string) => infer({ '1/model.py': text }, { python: { command: python } });
    await expect(runs('# auto_complete_config')).rejects.toThrow("has no attribute 'TritonPythonModel'");
    await expect(runs('# auto_complete_config\nx = = 1')).rejects.toMatchObject({
      message: expect.stringMatching(/^SyntaxError: invalid syntax/),
      where: { line: 2 },
    });
    const { gaps } = await runs('# auto_complete_config\nclass TritonPythonModel: pass');
    expect(gaps).toHaveLength(2);
  });

  test('one that does not end is stopped, with all it started', async () => {
    const body = ['import subprocess, sys', 'subprocess.run([sys.executable, "-c", "while True: pass"])'];
    await write({ '1/model.py': model(...body) });
    const file = join(root, 'm/1/model.py');
    const config = { name: 'm', backend: 'python' };
    await expect(runAutoComplete(file, config, { command: python, timeoutMs: 500 })).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: 'auto_complete_config did not end within 0.5 s',
      where: { file },
    });
    const stop = new AbortController();
    const running = runAutoComplete(file, config, { command: python, signal: stop.signal });
    stop.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('one that ends without an answer is told apart', async () => {
    const file = join(root, 'm/1/model.py');
    await write({ '1/model.py': model('import os', 'os.write(2, b"gone\\n")', 'os._exit(7)') });
    await expect(runAutoComplete(file, { name: 'm' }, { command: python })).rejects.toThrow(
      `${python} ended (exit code 7) without an answer: gone`,
    );
  });
});

test('an interpreter that is not there is named', async () => {
  await write({ '1/model.py': model('return config') });
  await expect(runAutoComplete(join(root, 'm/1/model.py'), {}, { command: '/no/python' })).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: expect.stringMatching(/^\/no\/python cannot be started: spawn/),
    fix: 'name a Python interpreter with --python',
  });
});
