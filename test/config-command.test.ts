import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { conch } from '../src/cli/testing.ts';
import { completeConfig, configFromJson, parseConfig } from '../src/config/index.ts';

const fixtures = resolve(import.meta.dirname, 'fixtures');
let root: string;
beforeEach(async () => {
  // A space and a letter beyond ASCII in the path, since users have them.
  root = await mkdtemp(join(tmpdir(), 'conch größe '));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Writes files below the repository; content that starts with `@` is a fixture. */
async function write(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    if (typeof content === 'string' && content.startsWith('@')) await copyFile(join(fixtures, content.slice(1)), file);
    else await writeFile(file, content);
  }
}

async function config(...argv: string[]) {
  const { code, out, err } = await conch('config', ...argv);
  const shown = (text: string) => text.replaceAll(root, 'models');
  return { code, out: shown(out), err: shown(err) };
}

const model = (name = 'm') => join(root, name);
const file = (name = 'm') => join(root, name, 'config.pbtxt');
const text = (name = 'm') => readFile(file(name), 'utf8');

const written = `# The classifier.
backend: "onnxruntime"  # chosen by us
max_batch_size: 0
output { name: "total" dims: [ 1 ]
  data_type: TYPE_INT64 }
`;
const onnx = { 'm/1/model.onnx': '@onnx/row_sum.onnx' };

describe('show', () => {
  test('prints what the file says in canonical form, as text or as the JSON of Triton', async () => {
    await write({ 'm/config.pbtxt': written });
    expect(await config('show', model())).toEqual({
      code: 0,
      out: `backend: "onnxruntime"
max_batch_size: 0
output [
  {
    name: "total"
    data_type: TYPE_INT64
    dims: [ 1 ]
  }
]
`,
      err: '',
    });
    const { out } = await config('show', 'm', '--repository', root, '--json');
    expect(JSON.parse(out)).toMatchObject({ name: '', backend: 'onnxruntime', output: [{ name: 'total' }], input: [] });
  });

  test('--complete prints what Triton makes of it, and who set each line and why', async () => {
    await write({ ...onnx, 'm/config.pbtxt': written });
    const { code, out, err } = await config('show', model(), '--complete');
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toBe(`\
name: "m"                                         # server: a blank name is the name of the folder
platform: "onnxruntime_onnx"                      # server: what backend onnxruntime runs from model.onnx
backend: "onnxruntime"                            # you, line 2
version_policy { latest { num_versions: 1 } }     # default: without a policy the highest version is served
max_batch_size: 4                                 # backend: every tensor has a dynamic first dimension; default-max-batch-size is 4 (you wrote 0, line 3)
input [                                           # model file: read from the ONNX model, because the configuration gives none
  {
    name: "ids"                                   # model file
    data_type: TYPE_INT64                         # model file
    dims: [ -1 ]                                  # model file
  }
]
output [                                          # you, line 4
  {
    name: "total"                                 # you, line 4
    data_type: TYPE_INT64                         # you, line 5
    dims: [ 1 ]                                   # you, line 4
  }
]
optimization {                                    # default
  input_pinned_memory { enable: true }            # default: pinned memory is used unless it is switched off
  output_pinned_memory { enable: true }           # default: pinned memory is used unless it is switched off
}
dynamic_batching { preferred_batch_size: [ 4 ] }  # backend: the model can batch and no scheduler is chosen; preferred_batch_size by default: without preferred sizes it is max_batch_size, 4
instance_group [                                  # default: a model has at least one group of instances
  {
    name: "m"                                     # default
    kind: KIND_CPU                                # default: KIND_AUTO, and no GPU is usable
    count: 2                                      # default: two instances are the default of onnxruntime on a CPU
  }
]
default_model_filename: "model.onnx"              # server: the usual file of backend onnxruntime
`);
    const { out: json } = await config('show', model(), '--complete', '--json');
    const { config: completed, changes, problems } = JSON.parse(json);
    expect(parseConfig(out).diagnostics).toEqual([]);
    expect(completeConfig(parseConfig(out).config, { modelName: 'm' }).config).toEqual(parseConfig(out).config);
    expect(configFromJson(completed)).toMatchObject(parseConfig(out).config);
    expect(changes[0]).toEqual({ path: 'name', by: 'server', reason: 'a blank name is the name of the folder' });
    expect(problems).toEqual([]);
  });

  test('an ensemble is decoupled when a member is, whatever its file says', async () => {
    const io = 'input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }';
    const maps = 'input_map { key: "x" value: "x" } output_map { key: "y" value: "y" }';
    await write({
      'm/1/empty': '',
      'm/config.pbtxt': `platform: "ensemble" ${io} ensemble_scheduling { step { model_name: "a" model_version: -1 ${maps} } }`,
      'a/1/model.py': 'class TritonPythonModel: pass',
      'a/config.pbtxt': `backend: "python" ${io} model_transaction_policy { decoupled: true }`,
    });
    expect((await config('show', model(), '--complete')).out).toMatch(
      /decoupled: true.*# .*server: its member a is decoupled/,
    );
  });

  test('the host and the flags of the server decide', async () => {
    await write(onnx);
    const shown = async (...flags: string[]) => (await config('show', model(), '--complete', ...flags)).out;
    const gpus = await shown('--gpus', '0,1', '--backend-config', 'default-max-batch-size=2');
    expect(gpus).toMatch(/kind: KIND_GPU +# default: KIND_AUTO, and a GPU is usable\n/);
    expect(gpus).toMatch(/gpus: \[ 0, 1 \] /);
    expect(gpus).toMatch(/max_batch_size: 2 +# server flag: .* is 2, set by --backend-config\n/);
    const flags = ['onnxruntime,default-max-batch-size=8', 'default-max-batch-size=2', 'python,x=y'];
    expect(await shown(...flags.flatMap((flag) => ['--backend-config', flag]))).toContain('max_batch_size: 8');
    expect(await shown('--gpus', 'none')).toContain('KIND_CPU');
    const off = await shown('--disable-auto-complete-config');
    expect(off).not.toMatch(/^(input|max_batch_size)/m);
    expect(off).toContain('platform: "onnxruntime_onnx"');
  });

  test('what Triton refuses while completing is said on top, and is a bad answer', async () => {
    await write({ 'm/1/model.onnx': '@onnx/double.onnx', 'm/config.pbtxt': 'max_batch_size: 8' });
    const { code, out } = await config('show', model(), '--complete');
    expect(code).toBe(1);
    expect(out).toMatch(
      /^# Triton refuses this model: max_batch_size is 8, but x of the ONNX model has the shape \[3\].*\n# {3}fix: set max_batch_size: 0.*\nname: "m" /,
    );
    expect(parseConfig(out).diagnostics).toEqual([]);
    const json = await config('show', model(), '--complete', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out).problems[0].code).toBe('complete/not-batchable');
  });

  test('a configuration of another name is shown in its place', async () => {
    await write({ ...onnx, 'm/config.pbtxt': 'x', 'm/configs/gpu.pbtxt': 'max_batch_size: 2' });
    const path = join(root, 'm/configs/gpu.pbtxt');
    expect((await config('show', path)).out).toBe('max_batch_size: 2\n');
    expect((await config('show', path, '--complete')).out).toMatch(
      /name: "m" .*\n[\s\S]*max_batch_size: 2 +# you, line 1\n/,
    );
  });

  test('a Python model that would add to it is not run unasked', async () => {
    await write({ 'm/1/model.py': '# auto_complete_config' });
    const { code, err } = await config('show', model(), '--complete');
    expect([code, err]).toEqual([
      0,
      '1/model.py may add to this in auto_complete_config, which was not run: --run-python does\n',
    ]);
    expect((await config('show', model(), '--complete', '--quiet')).err).toBe('');
    expect((await config('show', model(), '--complete', '--disable-auto-complete-config', '--run-python')).err).toBe(
      '',
    );
    await write({ 'm/config.pbtxt': 'default_model_filename: "other.py" backend: "python"' });
    expect((await config('show', model(), '--complete')).code).toBe(0);
    expect((await config('show', model(), '--complete', '--run-python')).err).toContain('m/1/other.py is missing');
  });

  test.each<[string[], string]>([
    [
      ['m'],
      'error: models/m/config.pbtxt does not exist\n  fix: let conch config infer write it, or see with --complete',
    ],
    [['broken'], 'models/broken/config.pbtxt:1:17: max_batch_size expects'],
    [['broken'], '(and 1 more; conch check lists them)'],
    [['broken', '--complete'], 'models/broken/config.pbtxt:1:17: max_batch_size expects'],
    [['m', '--gpus', '0'], '--gpus goes with --complete, which was not given'],
    [['m', '--disable-auto-complete-config'], '--disable-auto-complete-config goes with --complete'],
    [['m', '--complete', '--gpus', 'all'], "--gpus: expected ids like 0,1 or none, got 'all'"],
    [['m', '--complete', '--backend-config', 'x'], '--backend-config: expected [backend,]name=value like onnxruntime,'],
    [
      ['m', '--complete', '--backend-config', 'default-max-batch-size=-1'],
      "--backend-config: default-max-batch-size is a whole number, got '-1'",
    ],
    [['m', '--complete', '--python', 'python3'], '--python goes with --run-python, which was not given'],
    [['m', '--complete', '--timeout', '3'], '--timeout goes with --run-python'],
    [['m', '--complete', '--run-python', '--timeout', '0'], '--timeout: expected a number above 0'],
    [['other'], "error: no model 'other' in models; it has broken, m"],
    [['../m'], "error: no model '../m' in models; it has broken, m"],
  ])('%j cannot run and says why', async (argv, message) => {
    await write({ ...onnx, 'broken/config.pbtxt': 'max_batch_size: x\nfoo: 1' });
    const { code, out, err } = await config('show', ...argv, '--repository', root);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, '']);
  });

  test('a folder, file or repository that is not there is named', async () => {
    expect((await config('show', model('none'))).err).toContain('no model folder at models/none\n  fix: name a folder');
    expect((await config('show', file('none'))).err).toContain('no file at models/none/config.pbtxt');
    expect((await config('show', 'm', '--repository', join(root, 'none'))).err).toContain('no model repository at');
    expect((await config('show', 'm', '--repository', root)).err).toContain('it has none');
    const many = Array.from({ length: 12 }, (_, index) => [`m${10 + index}/config.pbtxt`, '']);
    await write(Object.fromEntries(many));
    expect((await config('show', 'm', '--repository', root)).err).toContain('m18, m19, ...');
  });
});

describe('set', () => {
  test('changes values and leaves all else', async () => {
    await write({ 'm/config.pbtxt': written });
    const delay = 'dynamic_batching.max_queue_delay_microseconds=100';
    expect(await config('set', model(), 'max_batch_size=8', delay, 'instance_group=[{"count": 2}]')).toEqual({
      code: 0,
      out: 'changed models/m/config.pbtxt: max_batch_size, dynamic_batching.max_queue_delay_microseconds, instance_group\n',
      err: '',
    });
    expect(await text()).toBe(`# The classifier.
backend: "onnxruntime"  # chosen by us
max_batch_size: 8
output { name: "total" dims: [ 1 ]
  data_type: TYPE_INT64 }
dynamic_batching { max_queue_delay_microseconds: 100 }
instance_group [
  { count: 2 }
]
`);
    expect((await config('set', 'm', 'max_batch_size=8', '--repository', root)).out).toBe(
      'models/m/config.pbtxt says so already\n',
    );
    await config('set', model(), '--remove', 'instance_group', '--remove', 'dynamic_batching', 'max_batch_size=0');
    expect(await text()).toBe(written);
    expect(await readdir(model())).toEqual(['config.pbtxt']);
  });

  test('--dry-run prints a diff that can be applied, and writes nothing', async () => {
    await write({ 'm/config.pbtxt': written });
    const { code, out } = await config('set', model(), 'max_batch_size=8', '--dry-run');
    expect(code).toBe(0);
    expect(out).toBe(`--- a/models/m/config.pbtxt
+++ b/models/m/config.pbtxt
@@ -1,5 +1,5 @@
 # The classifier.
 backend: "onnxruntime"  # chosen by us
-max_batch_size: 0
+max_batch_size: 8
 output { name: "total" dims: [ 1 ]
   data_type: TYPE_INT64 }
`);
    expect(await text()).toBe(written);
    const json = JSON.parse((await config('set', model(), 'max_batch_size=8', '--dry-run', '--json')).out);
    expect(json).toMatchObject({ changed: true, written: false, diff: out });
  });

  test('a compiled model is told apart', async () => {
    const loaded = {
      format: 1,
      name: 'm',
      version: 1,
      inputsHash: 'h',
      inputs: {},
      artifacts: {},
      target: '',
      created: '',
    };
    const manifest = { ...loaded, tool: { name: '', version: '', node: '' }, source: {}, tensors: {} };
    await write({ 'm/config.pbtxt': written, 'm/conch.json': JSON.stringify(manifest) });
    const { code, err } = await config('set', model(), 'max_batch_size=8');
    expect([code, err]).toEqual([
      0,
      'conch compile made this model: put the change into the deployment file too, to keep it\n',
    ]);
  });

  test.each<[string[], string]>([
    [[], 'error: nothing to set\n  fix: add path=value, e.g. max_batch_size=8, or --remove path'],
    [['max_batch_size'], 'max_batch_size is not an assignment path=value'],
    [['max_batch_size=x'], 'error: models/m/config.pbtxt: max_batch_size expects a whole number (int32), found x'],
    [
      ['max_batch_siz=8'],
      'models/m/config.pbtxt: max_batch_siz: ModelConfig has no field max_batch_siz\n  fix: write max_batch_size',
    ],
    [['output[3].name=x'], 'output[3].name: output has 1 items; the next is output[1]'],
    [
      ['dynamic_batching={ preferred_batch_size: [ 1 }'],
      'config.pbtxt: preferred_batch_size opens with [ here and is not closed',
    ],
    [
      ['dynamic_batching={ }', 'sequence_batching={ }'],
      'models/m/config.pbtxt: sequence_batching and dynamic_batching exclude one another',
    ],
  ])('%j is refused and changes nothing', async (assignments, message) => {
    await write({ 'm/config.pbtxt': written });
    const { code, out, err } = await config('set', model(), ...assignments);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, '']);
    expect(await text()).toBe(written);
  });

  test('a file that is missing, broken or no text is refused', async () => {
    await write({
      ...onnx,
      'broken/config.pbtxt': 'input [',
      'odd/config.pbtxt': Buffer.from('name: "\xff"', 'latin1'),
    });
    const set = async (name: string) => (await config('set', model(name), 'max_batch_size=8')).err;
    expect(await set('m')).toContain('models/m/config.pbtxt does not exist\n  fix: let conch config infer write it');
    expect(await set('broken')).toContain('models/broken/config.pbtxt:1:');
    expect(await set('odd')).toContain(
      'models/odd/config.pbtxt is not UTF-8 throughout, so that it cannot be changed without loss\n  fix: conch check names the lines',
    );
    await mkdir(file('folder'), { recursive: true });
    expect(await set('folder')).toContain('models/folder/config.pbtxt is a folder; a text file is expected there');
  });
});

describe('fmt', () => {
  const formatted = `# The classifier.
backend: "onnxruntime" # chosen by us
max_batch_size: 0
output {
  name: "total"
  dims: [ 1 ]
  data_type: TYPE_INT64
}
`;

  test('lays out every configuration of a repository, of a model, or a file', async () => {
    const files = ['a/config.pbtxt', 'b/config.pbtxt', 'b/configs/gpu.pbtxt', 'c/config.pbtxt'];
    const clean = Object.fromEntries(files.map((path) => [path, written]));
    await write({ ...clean, 'c/config.pbtxt': formatted, 'd/notes.txt': 'x' });
    const changed = files.slice(0, 3).map((path) => `models/${path}\n`);
    expect(await config('fmt', root, '--check')).toEqual({
      code: 1,
      out: changed.join(''),
      err: '3 of 4 files would change\n',
    });
    expect(await text('a')).toBe(written);
    expect(await config('fmt', model('a'), join(root, 'b/configs/gpu.pbtxt'), model('a'))).toEqual({
      code: 0,
      out: changed[0]! + changed[2]!,
      err: '2 of 2 files formatted\n',
    });
    expect([await text('a'), await readFile(join(root, 'b/configs/gpu.pbtxt'), 'utf8')]).toEqual([
      formatted,
      formatted,
    ]);
    expect(await config('fmt', root)).toMatchObject({ code: 0, out: changed[1] });
    expect(await config('fmt', root, '--check')).toEqual({ code: 0, out: '', err: '0 of 4 files would change\n' });
    expect(JSON.parse((await config('fmt', root, '--json')).out)).toEqual({ files: 4, changed: [], errors: [] });
  });

  test('a file that cannot be read does not keep the others from it', async () => {
    await write({ 'a/config.pbtxt': 'input [', 'b/config.pbtxt': written });
    const { code, out, err } = await config('fmt', root);
    expect(code).toBe(1);
    expect(out).toMatch(/^models\/b\/config\.pbtxt\nnot formatted: models\/a\/config\.pbtxt:1:\d/);
    expect(err).toBe('1 of 2 files formatted, 1 cannot be read\n');
    expect([await text('a'), await text('b')]).toEqual(['input [', formatted]);
    const { errors } = JSON.parse((await config('fmt', root, '--json')).out);
    expect(errors).toMatchObject([{ file: 'models/a/config.pbtxt', code: 'CONFIG_INVALID', where: { line: 1 } }]);
  });

  test('what is not there is named', async () => {
    expect(await config('fmt', model('none'))).toMatchObject({ code: 2, err: 'error: nothing at models/none\n' });
  });
});

describe('infer', () => {
  test('writes what Triton would otherwise work out, so that nothing is left to it', async () => {
    await write(onnx);
    const { code, out, err } = await config('infer', model());
    expect([code, out]).toEqual([0, 'wrote models/m/config.pbtxt\n']);
    expect(err).toMatch(/^every input and output begins with a dynamic dimension .*: max_batch_size is 4/);
    const shown = async (...flags: string[]) =>
      JSON.parse((await config('show', model(), '--complete', '--json', ...flags)).out);
    const with_ = await shown('--disable-auto-complete-config');
    await rm(file());
    expect(with_.config).toEqual((await shown()).config);
  });

  test('--stdout only prints, --json tells all, --quiet does not explain', async () => {
    await write(onnx);
    const { out, err } = await config(
      'infer',
      'm',
      '--repository',
      root,
      '--stdout',
      '--quiet',
      '--max-batch-size',
      '16',
    );
    expect(err).toBe('');
    expect(parseConfig(out)).toMatchObject({ diagnostics: [], config: { name: 'm', max_batch_size: 16 } });
    const flag = ['--backend-config', 'onnxruntime,default-max-batch-size=2'];
    const { out: json } = await config('infer', model(), '--stdout', '--json', ...flag);
    expect(JSON.parse(json)).toMatchObject({
      file: 'models/m/config.pbtxt',
      written: false,
      config: { max_batch_size: 2, backend: 'onnxruntime' },
      gaps: [],
    });
    expect(await readdir(model())).toEqual(['1']);
  });

  test('a configuration that is there is completed only with --force, and keeps its comments', async () => {
    await write({ ...onnx, 'm/config.pbtxt': written });
    expect(await config('infer', model(), '-q')).toEqual({
      code: 2,
      out: '',
      err: `error: models/m/config.pbtxt exists, and lacks name, platform, default_model_filename, version_policy, max_batch_size, dynamic_batching, input
  fix: add them with --force (comments and order stay), or look at the result with --stdout
`,
    });
    expect(await text()).toBe(written);
    const preview = await config('infer', model(), '--stdout', '-q');
    expect(await config('infer', model(), '--force', '-q')).toMatchObject({
      code: 0,
      out: 'wrote models/m/config.pbtxt\n',
    });
    expect(await text()).toBe(preview.out);
    expect(preview.out).toContain('# The classifier.\n');
    expect(preview.out).toContain('backend: "onnxruntime"  # chosen by us\n');
    expect(await config('infer', model())).toEqual({
      code: 0,
      out: 'nothing is missing in models/m/config.pbtxt\n',
      err: '',
    });
  });

  test('a TorchScript model is written with what is known, and the rest is asked for', async () => {
    await write({ 'm/1/model.pt': '@torchscript/scripted.pt' });
    const { code, out, err } = await config('infer', model());
    expect(code).toBe(1);
    expect(err).toBe('1/model.pt declares forward(x: Tensor, mask: Optional[Tensor]) -> Tuple[Tensor, Tensor]\n');
    expect(out).toBe(`wrote models/m/config.pbtxt
models/m/config.pbtxt: to be filled in before Triton can serve the model:
  max_batch_size: the largest batch, if every first dimension is one (then leave it out of dims); 1/model.pt does not tell
  input[0]: data_type and dims of x, which 1/model.pt does not tell
  input[1]: data_type and dims of mask, which 1/model.pt does not tell
  output[0]: data_type and dims of result 0, which 1/model.pt does not tell
  output[1]: data_type and dims of result 1, which 1/model.pt does not tell
`);
    expect(await text()).toBe(`name: "m"
platform: "pytorch_libtorch"
backend: "pytorch"
version_policy { latest { num_versions: 1 } }
max_batch_size: 0 # fill in the largest batch, if every first dimension is one (then leave it out of dims); 1/model.pt does not tell
input [
  { name: "x" }, # fill in data_type and dims of x, which 1/model.pt does not tell
  { name: "mask" } # fill in data_type and dims of mask, which 1/model.pt does not tell
]
output [
  { name: "OUTPUT__0" }, # fill in data_type and dims of result 0, which 1/model.pt does not tell
  { name: "OUTPUT__1" } # fill in data_type and dims of result 1, which 1/model.pt does not tell
]
default_model_filename: "model.pt"
`);
    expect((await config('fmt', model(), '--check')).code).toBe(0);
    const again = await config('infer', model());
    expect(again.code).toBe(1);
    expect(again.out).toMatch(
      /^nothing to add to models\/m\/config\.pbtxt\n.*:\n {2}input\[0\]\.data_type: the data_type of/,
    );
  });

  test('on standard output the configuration stands alone', async () => {
    await write({ 'm/1/model.pt': '@torchscript/traced.pt' });
    const { code, out, err } = await config('infer', model(), '--stdout');
    expect(code).toBe(1);
    expect(parseConfig(out).diagnostics).toEqual([]);
    expect(out).toMatch(
      /dims: \[ 1, 3 \] # fill in -1 where input_ids may vary from \[1, 3\], the shape it was traced with\n/,
    );
    expect(out).toMatch(/\n# fill in the outputs, once forward returns a Tensor.*\n$/);
    expect(err).toContain('  output: the outputs, once forward returns a Tensor');
    const { gaps } = JSON.parse((await config('infer', model(), '--stdout', '--json')).out);
    expect(gaps.map(({ path }: { path: string }) => path)).toEqual([
      ...['max_batch_size', 'input[0].dims', 'input[1].dims', 'input[2].dims', 'output'],
    ]);
  });

  test('a Python model runs with leave only', async () => {
    const python = process.env.CONCH_PYTHON ?? 'python3';
    await write({
      'm/1/model.py': `class TritonPythonModel:
    def auto_complete_config(config):
        config.add_input({"name": "x", "data_type": "TYPE_FP32", "dims": [4]})
        config.add_output({"name": "y", "data_type": "TYPE_FP32", "dims": [4]})
        config.set_max_batch_size(8)
        return config
`,
    });
    expect(await config('infer', model())).toEqual({
      code: 2,
      out: '',
      err: 'error: models/m/1/model.py: the model fills in its configuration itself, in auto_complete_config, and must run to tell what\n  fix: if you trust the model, allow it with --run-python\n',
    });
    expect((await config('infer', model(), '--run-python', '--python', '/no/python')).err).toContain(
      'error: /no/python cannot be started',
    );
    try {
      execFileSync(python, ['--version'], { stdio: 'ignore' });
    } catch {
      return;
    }
    const run_ = ['--run-python', '--python', python, '--timeout', '50'];
    const { out: shown } = await config('show', model(), '--complete', ...run_);
    expect(shown).toMatch(/max_batch_size: 8 +# backend: auto_complete_config\n/);
    const { code, err } = await config('infer', model(), ...run_);
    expect([code, err]).toEqual([0, 'auto_complete_config of 1/model.py was run\n']);
    expect(parseConfig(await text()).config).toMatchObject({ max_batch_size: 8, input: [{ name: 'x', dims: [4] }] });
  });

  test.each<[string[], Record<string, string>, string]>([
    [
      [],
      { 'm/1/other.bin': '' },
      'error: models/m: the backend of m is not given and cannot be told from its files or its name',
    ],
    [
      [],
      { 'm/config.pbtxt': 'backend: "python"' },
      'models/m holds no version folder\n  fix: put the model file into a folder 1/',
    ],
    [[], { 'm/1/model.onnx': 'x' }, 'model.onnx'],
    [['--python', 'x'], onnx, '--python goes with --run-python'],
    [['--max-batch-size', '-1'], onnx, '--max-batch-size: expected a whole number from 0 to 2147483647'],
    [
      ['--max-batch-size', '8'],
      { 'm/1/model.onnx': '@onnx/double.onnx' },
      'max_batch_size is 8, but x of the ONNX model has the shape [3]',
    ],
  ])('%j over %j cannot run and says why', async (argv, files, message) => {
    await write(files);
    const { code, out, err } = await config('infer', model(), ...argv);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, '']);
  });
});

test('what stands in the place of a configuration is named, and a pipe is not waited for', async () => {
  await mkdir(join(root, 'folder/config.pbtxt'), { recursive: true });
  await mkdir(model('pipe'));
  execFileSync('mkfifo', [file('pipe')]);
  const ofFolder = 'config.pbtxt is a folder; a text file is expected there';
  const ofPipe = 'config.pbtxt is not a regular file; a text file is expected there';
  for (const [name, message] of [
    ['folder', ofFolder],
    ['pipe', ofPipe],
  ] as const) {
    for (const [command, ...more] of [['show'], ['show', '--complete'], ['infer'], ['set', 'max_batch_size=1']]) {
      const { code, err } = await config(command!, model(name), ...more);
      expect([code, err]).toEqual([2, expect.stringContaining(`${name}/${message}`)]);
    }
    const { code, out } = await config('fmt', model(name));
    expect([code, out]).toEqual([1, `not formatted: models/${name}/${message}\n`]);
  }
});

test('--complete of a model that its backend cannot open says that Triton refuses it', async () => {
  await write({ 'm/1/model.onnx': 'nonsense', 't/1/model.pt': 'nonsense' });
  const net = await config('show', model(), '--complete');
  expect([net.code, net.out]).toEqual([
    1,
    expect.stringMatching(/^# Triton refuses this model: models\/m\/1\/model\.onnx: /),
  ]);
  const torch = await config('show', model('t'), '--complete');
  expect([torch.code, torch.out]).toEqual([1, expect.stringMatching(/^# Triton refuses .*it has no ZIP directory$/m)]);
});

test('names from a file never reach the terminal as they are', async () => {
  const { err } = await config('show', model('\u001b[31mred'));
  expect(err).toContain('models/\ufffd[31mred');
});

test('a relative path of a model folder will do', async () => {
  await write({ 'm/config.pbtxt': 'max_batch_size: 3' });
  const here = relative(process.cwd(), model());
  expect((await config('show', here)).out).toBe('max_batch_size: 3\n');
});

test('under --json an error is an object', async () => {
  const { code, out } = await config('set', model(), 'max_batch_size=8', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(out).error).toMatchObject({ code: 'FILE_NOT_FOUND' });
});
