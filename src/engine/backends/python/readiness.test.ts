import { describe, expect, test } from 'vitest';
import { ask } from '../../testing/models.ts';
import { fp32 } from '../../testing/repository.ts';
import { answer, executes, numbers, PythonRepository, python } from './testing.ts';

const says = (lines: string) => executes(answer('x'), lines);
const counted = `def is_ready(self):
    with open(__file__ + ".asked", "a") as file: file.write("x")
    return not pb_utils.os.path.exists(__file__ + ".down")`;

describe.runIf(python)('is_ready of a Python model', { timeout: 30_000 }, () => {
  test.each([
    ['True', 'def is_ready(self):\n    return True', true],
    ['False', 'def is_ready(self):\n    return False', false],
    ['a coroutine', 'async def is_ready(self):\n    return True', true],
    ['no bool', 'def is_ready(self):\n    return 1', false],
    ['an exception', 'def is_ready(self):\n    raise ValueError("down")', false],
  ])('%s is what the server says', async (_, lines, expected) => {
    const engine = await new PythonRepository().python('m', numbers, says(lines)).open();
    expect(await engine.isModelReady('m')).toBe(expected);
    expect(await engine.isModelReady('m', '1')).toBe(expected);
    // It still serves.
    expect((await ask(engine, 'm')).outputs[0]!.data[0]).toBe(1);
    expect(engine.isReady()).toBe(true);
  });

  test('is asked of every instance, changes, and answers while the model executes', async () => {
    const repository = new PythonRepository();
    const source = `import os, time\npb_utils.os = os\n${executes(
      `while x[0][0] < 0 and not os.path.exists(__file__ + ".go"): time.sleep(0.001)\n${answer('x')}`,
      counted,
    )}`;
    const engine = await repository.python('m', `${numbers} instance_group { count: 2 kind: KIND_CPU }`, source).open();
    expect(await engine.isModelReady('m')).toBe(true);
    const busy = () => engine.infer({ model: 'm', inputs: [fp32('x', [1, 1], [-1])] });
    const held = Promise.all([busy(), busy()]);
    repository.write('m/1/model.py.down', '');
    expect(await engine.isModelReady('m')).toBe(false);
    repository.remove('m/1/model.py.down');
    expect(await engine.isModelReady('m')).toBe(true);
    repository.write('m/1/model.py.go', '');
    await held;
  });

  test('a process that is lost is not ready, and who waits learns it', async () => {
    const dies = 'def is_ready(self):\n    import os; os._exit(3)';
    const engine = await new PythonRepository().python('m', numbers, says(dies)).open();
    expect(await engine.isModelReady('m')).toBe(false);
  });

  test('another model may ask, too', async () => {
    const lines =
      'responses.append(pb_utils.InferenceResponse([], parameters={"said": pb_utils.is_model_ready("down")}))';
    const engine = await new PythonRepository()
      .python('m', numbers, executes(lines))
      .python('down', numbers, says('def is_ready(self):\n    return False'))
      .open();
    expect((await ask(engine, 'm')).parameters).toMatchObject({ said: false });
  });
});
