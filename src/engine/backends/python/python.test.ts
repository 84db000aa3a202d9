import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { bytesOf, decodeStrings } from '../../../tensor/index.ts';
import { ask, reasonOf } from '../../testing/models.ts';
import { fp32, tensor } from '../../testing/repository.ts';
import { answer, executes, numbers, PythonRepository, python } from './testing.ts';

describe.runIf(python)('a Python model', { timeout: 30_000 }, () => {
  test('computes, each request of a batch for itself', async () => {
    const engine = await new PythonRepository()
      .python('m', `${numbers} dynamic_batching { max_queue_delay_microseconds: 20000 }`, executes(answer('x * 2')))
      .open();
    const infer = (...values: number[]) =>
      engine.infer({ model: 'm', id: 'r', inputs: [fp32('x', [values.length, 1], values)] });
    const [first, second] = await Promise.all([infer(1, 2), infer(3)]);
    expect(first).toMatchObject({ id: 'r', version: '1', outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 1] }] });
    expect([...first.outputs[0]!.data]).toEqual([2, 4]);
    expect([...second.outputs[0]!.data]).toEqual([6]);
  });

  test('every type, empty and large tensors go there and back unchanged', async () => {
    const types = [
      'BOOL',
      'UINT8',
      'UINT16',
      'UINT32',
      'UINT64',
      'INT8',
      'INT16',
      'INT32',
      'INT64',
      'FP16',
      'FP32',
      'FP64',
      'STRING',
    ];
    const declare = (side: string) =>
      types.map((type) => `${side} { name: "${side[0]}${type}" data_type: TYPE_${type} dims: [ -1 ] }`).join('\n');
    const source = `
class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor("o" + t.name()[1:], t.as_numpy()) for t in r.inputs()]) for r in requests]
`;
    const engine = await new PythonRepository()
      .python('m', `max_batch_size: 0\n${declare('input')}\n${declare('output')}`, source)
      .open();
    for (const count of [0, 1, 5, 100_000]) {
      const values = Array.from({ length: count }, (_, index) => index % 2);
      const inputs = types.map((type) => {
        const datatype = type === 'STRING' ? ('BYTES' as const) : (type as 'FP32');
        return tensor(`i${type}`, datatype, [count], type === 'STRING' ? values.map((value) => `é${value}`) : values);
      });
      const { outputs } = await engine.infer({ model: 'm', inputs });
      for (const [index, output] of outputs.entries()) {
        expect({ ...output, data: undefined }).toEqual({
          ...inputs[index]!,
          name: `o${types[index]}`,
          data: undefined,
        });
        expect(Buffer.compare(bytesOf(output), bytesOf(inputs[index]!))).toBe(0);
      }
    }
  });

  test('BF16, which numpy does not have, goes by DLPack', async () => {
    const config = `max_batch_size: 0 input { name: "x" data_type: TYPE_BF16 dims: [ -1, 2 ] }
      output { name: "y" data_type: TYPE_BF16 dims: [ -1, 2 ] }`;
    const source = `
class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            x = request.inputs()[0]
            try:
                said = str(x.as_numpy())
            except pb_utils.TritonModelException as error:
                said = str(error)
            y = pb_utils.Tensor.from_dlpack("y", pb_utils.Tensor.from_dlpack("again", x).to_dlpack())
            responses.append(pb_utils.InferenceResponse([y], parameters={"said": said}))
        return responses
`;
    const engine = await new PythonRepository().python('m', config, source).open();
    for (const rows of [0, 3, 100_000]) {
      const data = Uint16Array.from({ length: 2 * rows }, (_, index) => 0x3f80 + (index % 100));
      const input = { name: 'x', datatype: 'BF16', shape: [rows, 2], data } as const;
      const { outputs, parameters } = await engine.infer({ model: 'm', inputs: [input] });
      expect(outputs[0]).toMatchObject({ name: 'y', datatype: 'BF16', shape: [rows, 2] });
      expect(Buffer.compare(bytesOf(outputs[0]!), bytesOf(input))).toBe(0);
      expect(parameters!.said).toBe("tensor 'x' is BF16, which numpy does not have: take it by to_dlpack()");
    }
  });

  test('text is framed, bytes that are no text stay as they are', async () => {
    const config = `max_batch_size: 0
      input { name: "x" data_type: TYPE_STRING dims: [ -1 ] } output { name: "y" data_type: TYPE_STRING dims: [ -1 ] }`;
    const engine = await new PythonRepository()
      .python('m', config, executes(answer('np.array([s.decode().upper() for s in x], dtype=object)')))
      .open();
    const { outputs } = await engine.infer({ model: 'm', inputs: [tensor('x', 'BYTES', [2], ['straße', 'b'])] });
    expect(decodeStrings(outputs[0]!.data as Uint8Array)).toEqual(['STRASSE', 'B']);
  });

  test('initialize gets what Triton gives', async () => {
    const more = `
def initialize(self, args):
    import json
    config = json.loads(args["model_config"])
    seen = [args["model_name"], args["model_version"], args["model_instance_name"], args["model_instance_kind"], args["model_instance_device_id"]]
    seen += [config["name"], str(config["max_batch_size"]), config["parameters"]["key"]["string_value"]]
    seen += ["/".join(args["model_repository"].split("/")[-1:]), "/".join(pb_utils.get_model_dir().split("/")[-2:])]
    self.seen = seen`;
    const config = `max_batch_size: 0 parameters { key: "key" value { string_value: "value" } }
      input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] } output { name: "y" data_type: TYPE_STRING dims: [ -1 ] }`;
    const engine = await new PythonRepository()
      .python('m', config, executes(answer('np.array(self.seen, dtype=object)'), more))
      .open();
    const { outputs } = await engine.infer({ model: 'm', inputs: [fp32('x', [1], [1])] });
    const seen = ['m', '1', 'm_0', 'CPU', '0', 'm', '0', 'value', 'm', 'm/1'];
    expect(decodeStrings(outputs[0]!.data as Uint8Array)).toEqual(seen);
  });

  test('an exception fails the batch and tells the place; the instance lives on', async () => {
    const engine = await new PythonRepository()
      .python('m', numbers, executes(`if x[0][0] < 0: raise ValueError("negative")\n${answer('x')}`))
      .open();
    const bad = engine.infer({ model: 'm', inputs: [fp32('x', [1, 1], [-1])] });
    await expect(bad).rejects.toMatchObject({ code: 'EXECUTION_FAILED', status: 'INTERNAL' });
    await expect(bad).rejects.toThrow(/execute failed: ValueError: negative\n\nAt:\n.*model\.py\(\d+\): execute$/);
    expect((await ask(engine, 'm')).outputs[0]!.data[0]).toBe(1);
  });

  test.each([
    ['None', 'execute gave no response to the request, and did not take its sender'],
    ['[]', 'execute must return one response for each request: 1 requests, 0 responses'],
    ['7', 'execute must return a list, it returned int'],
    ['["a"]', 'execute must return InferenceResponse objects, it returned str'],
    [
      '[pb_utils.InferenceResponse(error=pb_utils.TritonError("not today", pb_utils.TritonError.UNAVAILABLE))]',
      'not today',
    ],
  ])('a wrong answer of execute, %s, is told', async (returned, message) => {
    const source = `
class TritonPythonModel:
    def execute(self, requests):
        return ${returned}
`;
    const engine = await new PythonRepository().python('m', numbers, source).open();
    await expect(ask(engine, 'm')).rejects.toThrow(message);
  });

  test('requests tell their parameters and more, responses have parameters', async () => {
    const lines = `
import json
said = dict(json.loads(request.parameters()), id=request.request_id(), timeout=request.timeout(), names=",".join(sorted(request.requested_output_names())), model=request.model_name())
responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", x), pb_utils.Tensor("other", x)], parameters=said))`;
    const engine = await new PythonRepository().python('m', numbers, executes(lines)).open();
    const parameters = { flag: true, count: 2n ** 60n, text: 'é' };
    const response = await engine.infer({ model: 'm', id: '7', parameters, inputs: [fp32('x', [1, 1], [1])] });
    expect(response.outputs.map(({ name }) => name)).toEqual(['y']);
    expect(response.parameters).toEqual({ ...parameters, id: '7', timeout: 0, names: 'y', model: 'm' });
  });

  test('what it prints does not get into the protocol', async () => {
    const lines = `import os, sys\nprint("hello")\nos.write(1, b"raw\\n")\nsys.stderr.write("warned\\n")\n${answer('x')}`;
    const engine = await new PythonRepository().python('m', numbers, executes(lines)).open();
    expect((await ask(engine, 'm')).outputs[0]!.data[0]).toBe(1);
  });

  test.each([
    ['os._exit(3)', 'exit code 3'],
    ['os.kill(os.getpid(), 9)', 'SIGKILL'],
    ['import ctypes; ctypes.string_at(0)', 'SIGSEGV'],
  ])('a process that dies by %s fails what it held, and comes back', async (death, how) => {
    const engine = await new PythonRepository()
      .python('m', numbers, executes(`import os\nif x[0][0] < 0: ${death}\n${answer('x')}`))
      .open();
    const dying = engine.infer({ model: 'm', inputs: [fp32('x', [1, 1], [-1])] });
    await expect(dying).rejects.toThrow(`instance 'm_0': its Python process ended (${how}`);
    expect((await ask(engine, 'm')).outputs[0]!.data[0]).toBe(1);
  });

  test('finalize runs when the model is unloaded', async () => {
    const repository = new PythonRepository();
    const more = `def finalize(self):\n    open(${JSON.stringify(`${repository.root}/finalized`)}, "w").close()`;
    const engine = await repository.python('m', numbers, executes(answer('x'), more)).open();
    await engine.close();
    expect(existsSync(`${repository.root}/finalized`)).toBe(true);
  });

  test('what cannot be loaded says why, where, and what to do', async () => {
    const repository = new PythonRepository()
      .python('module', numbers, 'import no_such_module_of_ours\n')
      .python('syntax', numbers, 'def broken(:\n')
      .python('class', numbers, '')
      .python('execute', numbers, 'class TritonPythonModel:\n    pass\n')
      .python(
        'initialize',
        numbers,
        executes(answer('x'), 'def initialize(self, args):\n    raise KeyError("weights")'),
      )
      .python('exit', numbers, 'import os, sys\nprint("last words", file=sys.stderr)\nos._exit(5)\n');
    const engine = await repository.open();
    expect(reasonOf(engine, 'module')).toContain("ModuleNotFoundError: No module named 'no_such_module_of_ours'");
    expect(reasonOf(engine, 'syntax')).toContain('SyntaxError');
    expect(reasonOf(engine, 'class')).toContain('has no class TritonPythonModel');
    expect(reasonOf(engine, 'execute')).toContain('has no execute method');
    expect(reasonOf(engine, 'initialize')).toMatch(/KeyError: 'weights'\n.*model\.py\(\d+\): initialize/);
    expect(reasonOf(engine, 'exit')).toContain('ended at its start (exit code 5: last words)');
  });

  test('auto_complete_config completes its configuration', async () => {
    const complete = (lines: string) =>
      executes(answer('x'), `@staticmethod\ndef auto_complete_config(config):\n${lines}\n    return config`);
    const tensors = `
    config.add_input({"name": "x", "data_type": "TYPE_FP32", "dims": [1]})
    config.add_output({"name": "y", "data_type": "TYPE_FP32", "dims": [1]})
    config.set_max_batch_size(4)
    config.set_dynamic_batching()`;
    const repository = new PythonRepository()
      .python('m', '', complete(tensors))
      .python('broken', '', complete('    raise KeyError("no weights")'));
    const engine = await repository.open();
    expect(engine.config('m')).toMatchObject({
      max_batch_size: 4,
      dynamic_batching: {},
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [1] }],
    });
    expect((await ask(engine, 'm')).outputs[0]!.data[0]).toBe(1);
    expect(reasonOf(engine, 'broken')).toContain("KeyError: 'no weights'");
    const without = await repository.open({ autoCompleteConfig: false });
    expect(without.config('m').input ?? []).toEqual([]);
  });

  test('EXECUTION_ENV_PATH names the interpreter, as a folder or packed', async () => {
    const environment = (path: string) =>
      `${numbers} parameters { key: "EXECUTION_ENV_PATH" value { string_value: "${path}" } }`;
    const repository = new PythonRepository()
      .python('folder', environment('$$TRITON_MODEL_DIRECTORY/env'), executes(answer('x')))
      .python('packed', environment('$$TRITON_MODEL_DIRECTORY/env.tar.gz'), executes(answer('x')))
      .python('bare', environment('$$TRITON_MODEL_DIRECTORY/env'), executes(answer('x')))
      .python('empty', environment('$$TRITON_MODEL_DIRECTORY/1'), executes(answer('x')))
      .python('absent', environment('$$TRITON_MODEL_DIRECTORY/none'), executes(answer('x')));
    const script = (options: string) => `#!/bin/sh\nexec '${python}' ${options} "$@"\n`;
    for (const [model, options] of Object.entries({ folder: '', packed: '', bare: '-I -S' })) {
      repository.write(`${model}/env/bin/python3`, script(options));
      chmodSync(`${repository.root}/${model}/env/bin/python3`, 0o755);
    }
    execFileSync('tar', ['-czf', `${repository.root}/packed/env.tar.gz`, '-C', `${repository.root}/packed/env`, 'bin']);
    const engine = await repository.open();
    for (const model of ['folder', 'packed']) expect((await ask(engine, model)).outputs[0]!.data[0]).toBe(1);
    expect(reasonOf(engine, 'bare')).toContain('has no numpy');
    await expect(engine.load('bare')).rejects.toMatchObject({
      fix: expect.stringMatching(/env\/bin\/python3 -m pip install numpy/),
    });
    expect(reasonOf(engine, 'empty')).toMatch(/the environment .*empty\/1 has no bin\/python3/);
    expect(reasonOf(engine, 'absent')).toMatch(/the environment .*absent\/none does not exist/);
  });
});

test('without an interpreter, a Python model says what is missing', async () => {
  vi.stubEnv('CONCH_PYTHON', '/nowhere/python3');
  onTestFinished(() => void vi.unstubAllEnvs());
  const engine = await new PythonRepository().python('m', numbers, executes(answer('x'))).open();
  await expect(engine.load('m')).rejects.toMatchObject({
    code: 'MODEL_LOAD_FAILED',
    message:
      "model 'm' version 1: the Python interpreter '/nowhere/python3' cannot be started: spawn /nowhere/python3 ENOENT",
    fix: 'install Python 3 with numpy, or name an interpreter in the environment variable CONCH_PYTHON',
  });
});
