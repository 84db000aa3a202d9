import { describe, expect, test } from 'vitest';
import { ConchError } from '../../../base/index.ts';
import type { Engine } from '../../engine.ts';
import { probe } from '../../testing/models.ts';
import { deferred, ProbeBackend } from '../../testing/probe.ts';
import { fp32 } from '../../testing/repository.ts';
import { answer, executes, numbers, PythonRepository, python } from './testing.ts';

/** `call(model, value)` makes a request; `number(response)` is its answer, or its error's text. */
const tools = `
def call(model, value, **more):
    return pb_utils.InferenceRequest(model_name=model, requested_output_names=["y"], inputs=[pb_utils.Tensor("x", np.array([[value]], np.float32))], **more)

def number(response):
    if response.has_error():
        return response.error().message()
    return float(pb_utils.get_output_tensor_by_name(response, "y").as_numpy()[0][0])
`;
const say = 'responses.append(pb_utils.InferenceResponse([], parameters={"said": str(said)}))';
const double = executes(answer('x * 2'));
const count = `
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            for value in range(int(request.inputs()[0].as_numpy()[0][0])):
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array([[value]], np.float32))]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
`;

async function said(engine: Engine, x = 1): Promise<unknown> {
  const response = await engine.infer({ model: 'm', inputs: [fp32('x', [1, 1], [x])] });
  return response.parameters?.said;
}

function repository(lines: string): PythonRepository {
  const source = `import asyncio${tools}${executes(`${lines}\n${say}`)}`;
  return new PythonRepository()
    .python('m', numbers, source)
    .python('double', numbers, double)
    .python('count', `${numbers} model_transaction_policy { decoupled: true }`, count);
}

describe.runIf(python)('a Python model calls', { timeout: 30_000 }, () => {
  test('another, and waits for the answer', async () => {
    const engine = await repository('said = [number(call("double", v).exec()) for v in (1, 2)]').open();
    expect(await said(engine)).toBe('[2.0, 4.0]');
  });

  test('several at the same time, from a coroutine', async () => {
    const lines = `
async def all():
    return await asyncio.gather(*[call("double", v).async_exec() for v in range(4)])
said = [number(r) for r in asyncio.run(all())]`;
    expect(await said(await repository(lines).open())).toBe('[0.0, 2.0, 4.0, 6.0]');
  });

  test('a decoupled one, and iterates over the answers', async () => {
    const lines = `
async def later():
    return list(await call("count", 2).async_exec(decoupled=True))
said = [len(r.output_tensors()) and number(r) for r in list(call("count", 3).exec(decoupled=True)) + asyncio.run(later())]`;
    expect(await said(await repository(lines).open())).toBe('[0.0, 1.0, 2.0, 0, 0.0, 1.0, 0]');
  });

  test('large tensors go there and back', async () => {
    const lines = `
r = pb_utils.InferenceRequest(model_name="double", requested_output_names=["y"], inputs=[pb_utils.Tensor("x", np.arange(100000, dtype=np.float32).reshape(-1, 1))]).exec()
said = float(pb_utils.get_output_tensor_by_name(r, "y").as_numpy().astype(np.float64).sum())`;
    const config = numbers.replace('max_batch_size: 8', 'max_batch_size: 100000');
    const engine = await repository(lines).python('double', config, double).open();
    expect(await said(engine)).toBe('9999900000.0');
  });

  test('and errors come as responses', async () => {
    const lines = `
wrong = pb_utils.InferenceRequest(model_name="double", requested_output_names=["y"], inputs=[pb_utils.Tensor("z", x)])
said = [number(call("absent", 1).exec()), number(wrong.exec()), number(call("count", 1).exec()), number(list(call("absent", 1).exec(decoupled=True))[0])]`;
    const answers = String(await said(await repository(lines).open()));
    expect(answers).toMatch(/absent.*'z'.*double.*decoupled.*absent/);
  });

  test('itself, where it has instances left', async () => {
    const lines = `
if x[0][0] > 0:
    r = call("m", float(x[0][0]) - 1).exec()
    import json
    said = json.loads(r.parameters())["said"] + "," + str(int(x[0][0]))
else:
    said = "0"`;
    const engine = await repository(lines)
      .config('m', `backend: "python" ${numbers} instance_group { count: 3 kind: KIND_CPU }`)
      .open();
    expect(await said(engine, 2)).toBe('0,1,2');
  });

  test('and can take a call back', async () => {
    const cancelled = deferred();
    const backend = new ProbeBackend({
      respond: (request, emit) => {
        emit({ response: { outputs: [fp32('y', [1, 1], [1])] }, final: false });
        // The warm-up has none.
        if (!request.context.signal) emit({ response: undefined, final: true });
        request.context.signal?.addEventListener('abort', () => {
          emit({ response: new ConchError('REQUEST_CANCELLED', 'taken back'), final: true });
          cancelled.resolve();
        });
        return undefined;
      },
    });
    const lines = `
said = []
responses_of = call("slow", 1).exec(decoupled=True)
for r in responses_of:
    said.append(number(r))
    if len(said) == 1: responses_of.cancel()`;
    const engine = await repository(lines)
      .bare('slow', probe('model_transaction_policy { decoupled: true }'))
      .open({ backends: { probe: backend } });
    expect(await said(engine)).toBe("[1.0, 'taken back']");
    await cancelled.promise;
  });

  test('the server, to load and unload models and to ask for them', async () => {
    const lines = `
said = [pb_utils.is_model_ready("double"), pb_utils.is_model_ready("absent"), pb_utils.is_model_ready("double", "2")]
if x[0][0] > 0:
    pb_utils.unload_model("double")
    said.append(pb_utils.is_model_ready("double"))
    pb_utils.load_model("double")
    said.append(pb_utils.is_model_ready("double"))
    try:
        pb_utils.load_model("absent")
    except pb_utils.TritonModelException as error:
        said.append("absent" in str(error))`;
    const engine = await repository(lines).open();
    expect(await said(engine)).toBe('[True, False, False, False, True, True]');
  });

  test('the server, to load a model from files that it brings', async () => {
    const lines = `
import json
config = {"backend": "python", "max_batch_size": 8, "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [1]}], "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [1]}]}
source = open(pb_utils.get_model_dir() + "/double.py", "rb").read()
files = {"file:3/model.py": source, "file:3/data/large": bytes(200000), "file:empty": b""}
def refused(**more):
    try:
        pb_utils.load_model("new", **more)
    except pb_utils.TritonModelException as error:
        return str(error)
said = [
    refused(files=files),
    refused(config=json.dumps(config), files={"3/model.py": source}),
    refused(config=json.dumps(config), files={"file:../model.py": source}),
    refused(config=json.dumps(config), files={"file:3/model.py": "text"}),
    refused(config=json.dumps(config), files=[source]),
]
pb_utils.load_model("new", config=json.dumps(config), files=files)
said += [number(call("new", 4).exec()), pb_utils.is_model_ready("new", "3")]
said = "|".join(map(str, said))`;
    const imports = 'import triton_python_backend_utils as pb_utils\nimport numpy as np\n';
    const engine = await repository(lines)
      .write('m/1/double.py', imports + double)
      .open();
    expect(String(await said(engine)).split('|')).toEqual([
      expect.stringContaining("files are given without 'config'"),
      "a file is named 'file:<path>', not '3/model.py'",
      expect.stringContaining("'file:../model.py' is not a file below the model's folder"),
      "load_model 'new': file 'file:3/model.py': paths are str and contents bytes",
      "load_model 'new': files must be a dictionary of bytes by path, they are list",
      '8.0',
      'True',
    ]);
  });

  test('only while it executes requests', async () => {
    const source = `${tools}${executes(answer('x'), 'def initialize(self, args):\n    call("double", 1).exec()')}`;
    const engine = await new PythonRepository().python('m', numbers, source).create();
    await engine.start();
    expect(engine.index()[0]!.reason).toContain('the server can be called while requests are executed');
  });
});
