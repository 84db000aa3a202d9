import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { runAutoComplete } from '../index.ts';
import { freshRepository, infer, inModel, write } from './testing.ts';

freshRepository();

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
    where: { file: inModel('1/model.py') },
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
    const file = inModel('1/model.py');
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
    const file = inModel('1/model.py');
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
    const file = inModel('1/model.py');
    await write({ '1/model.py': model('import os', 'os.write(2, b"gone\\n")', 'os._exit(7)') });
    await expect(runAutoComplete(file, { name: 'm' }, { command: python })).rejects.toThrow(
      `${python} ended (exit code 7) without an answer: gone`,
    );
  });
});

test('an interpreter that is not there is named', async () => {
  await write({ '1/model.py': model('return config') });
  await expect(runAutoComplete(inModel('1/model.py'), {}, { command: '/no/python' })).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: expect.stringMatching(/^\/no\/python cannot be started: spawn/),
    fix: 'name a Python interpreter with --python',
  });
});
