import { ConchError, formatBytes } from '../base/index.ts';
import type { CompileResult, DryRunResult, GateReport, ModuleDeployment, Precision } from '../compile/index.ts';
import type { Command } from './command.ts';
import { checkCompareFlags, compareModel, compareOptions } from './compare.ts';
import { fileOption, requireDeployment } from './deployment.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { wholeNumber } from './values.ts';

export const compileCommand: Command = {
  name: 'compile',
  summary: 'build models into a Triton model repository',
  arguments: [
    {
      usage: '[source...]',
      summary:
        'models of the deployment file, or one source: a checkpoint folder, a hub id (org/name), a PyTorch module (./net.py:Net), or an ONNX file',
    },
  ],
  options: [
    fileOption,
    {
      flags: '--name <name>',
      summary: "the model's name where one source is named (default: the name of its folder or file)",
    },
    { flags: '--out <dir>', summary: "the model repository to write (default: the deployment's, else models)" },
    { flags: '--target <release>', summary: 'Triton release to build for, e.g. triton:26.07' },
    { flags: '--revision <revision>', summary: 'branch, tag or commit of a hub id' },
    {
      flags: '--max-batch-size <n>',
      summary: "a checkpoint's largest batch (default: 32; 0: no batch dimension is configured)",
      parse: (text, flag) => wholeNumber(text, flag, 0, 2 ** 31 - 1),
    },
    {
      flags: '--layout <layout>',
      summary: 'how a checkpoint takes the texts of a batch: padded (default) or packed, one run of tokens',
      choices: ['padded', 'packed'],
    },
    {
      flags: '--precision <precision>',
      summary:
        'what a checkpoint or ONNX file computes in: fp32 (default), fp16, int8, int8-static, int8-weight-only or int4-weight-only',
      choices: ['fp32', 'fp16', 'int8', 'int8-static', 'int8-weight-only', 'int4-weight-only'],
    },
    {
      flags: '--from <file>',
      summary: 'an ONNX file of any origin as the source: cleaned up, lowered, compared with itself',
    },
    {
      flags: '--opset <n>',
      summary: 'the opset of ai.onnx to write for an ONNX file (default: as it is)',
      parse: (text, flag) => wholeNumber(text, flag, 1, 1000),
    },
    {
      flags: '--input <name:type:dims>',
      summary:
        'an input of a PyTorch module, its dims without the batch: x:FP32:4, ids:INT64:-1 (one for each of its arguments)',
      many: true,
    },
    { flags: '--output <name>', summary: "name of a PyTorch module's next output (default: output)", many: true },
    { flags: '--state-dict <file>', summary: "a PyTorch module's weights, from torch.save or safetensors" },
    { flags: '--formats <list>', summary: 'what a PyTorch module becomes (default: onnx,torchscript)' },
    {
      flags: '--python <path>',
      summary: 'Python with PyTorch for the steps that need it (default: CONCH_PYTHON, else that of conch env)',
    },
    ...compareOptions,
    { flags: '--dry-run', summary: 'print the commands that would build TensorRT plans, and build nothing' },
    { flags: '--force', summary: 'build even what is up to date, and over hand-edited configurations' },
  ],
  example: 'conch compile ./checkpoint --name finbert --out models',
  async action({ arguments: [sources = []], options, signal }, output) {
    const { compileDeployment, dryRunDeployment } = await import('../compile/index.ts');
    checkCompareFlags(options);
    const { loaded, models } = await chooseSource(sources as string[], options);
    if (options.compare === true) return compareModel({ loaded, models }, options, output, signal);
    const settings = {
      ...(models.length > 0 && { models }),
      ...(typeof options.out === 'string' && { repository: options.out }),
      ...(typeof options.target === 'string' && { target: options.target }),
      ...(typeof options.python === 'string' && { python: options.python }),
      force: options.force === true,
      progress: output.progress,
      signal,
    };
    if (options.dryRun === true) {
      const run = await dryRunDeployment(loaded, settings);
      if (output.json) output.printJson(run);
      else printDryRun(run, output);
      return 0;
    }
    const result = await compileDeployment(loaded, settings);
    if (output.json) output.printJson(result);
    else printCompiled(result, output);
    return 0;
  },
};

/** A source that looks like a path or hub id is one model; plain names are models of the deployment file. */
async function chooseSource(named: string[], options: Readonly<Record<string, unknown>>) {
  const { deploymentOf } = await import('../compile/index.ts');
  const from = typeof options.from === 'string' ? options.from : undefined;
  if (from !== undefined && (named.length > 0 || !from.endsWith('.onnx'))) {
    throw new ConchError('USAGE', `--from takes the one source, an .onnx file; got ${[from, ...named].join(', ')}`, {
      fix: 'conch compile --from model.onnx --name model',
    });
  }
  const sources = from === undefined ? named : [from];
  const hasName = typeof options.name === 'string';
  const isSource =
    sources.length === 1 &&
    options.file === undefined &&
    (hasName || /[/\\]|^\.|^~|\.onnx$|\.py(:|$)/.test(sources[0]!));
  if (!isSource) {
    for (const flag of [
      'name',
      'revision',
      'maxBatchSize',
      'layout',
      'precision',
      'input',
      'output',
      'stateDict',
      'formats',
    ]) {
      if (options[flag] === undefined) continue;
      const spelled = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new ConchError('USAGE', `--${spelled} goes with one source, which was not named`, {
        fix: 'conch compile ./checkpoint --name finbert --out models',
      });
    }
    return { loaded: await requireDeployment(options.file), models: sources };
  }
  const loaded = deploymentOf({
    checkpoint: sources[0]!,
    ...(hasName && { name: options.name as string }),
    ...(typeof options.out === 'string' && { out: options.out }),
    ...(typeof options.revision === 'string' && { revision: options.revision }),
    ...(typeof options.maxBatchSize === 'number' && { max_batch_size: options.maxBatchSize }),
    ...(options.layout !== undefined && { layout: options.layout as 'padded' | 'packed' }),
    ...(typeof options.opset === 'number' && { opset: options.opset }),
    ...(options.precision !== undefined && { precision: options.precision as Precision }),
    ...(/\.py(:\w*)?$/.test(sources[0]!) && { module: moduleOf(options, sources[0]!) }),
  });
  return { loaded, models: [] as string[] };
}

/** What the flags say of a PyTorch module; the rest of a deployment's checks see to the values. */
function moduleOf(
  { input, output, stateDict, formats }: Readonly<Record<string, unknown>>,
  source: string,
): ModuleFlags {
  if (input === undefined) {
    throw new ConchError('USAGE', `${source}: a PyTorch module does not tell what forward takes`, {
      fix: 'add --input x:FP32:4 (name, element type, dims without the batch) for each of its arguments',
    });
  }
  return {
    inputs: (input as string[]).map((text) => {
      const [name = '', datatype = '', dims = ''] = text.split(':');
      const sizes = dims.split(',').filter(Boolean);
      return {
        name,
        datatype: datatype as 'FP32',
        dims: sizes.map((dim) => (/^-?\d+$/.test(dim) ? Number(dim) : dim)),
      };
    }),
    ...(output !== undefined && { outputs: output as string[] }),
    ...(typeof stateDict === 'string' && { state_dict: stateDict }),
    ...(typeof formats === 'string' && { formats: formats.split(',') as 'onnx'[] }),
  };
}

type ModuleFlags = Pick<ModuleDeployment, 'inputs' | 'outputs' | 'state_dict' | 'formats'>;

export function printCompiled(result: CompileResult, output: Output): void {
  const { bold, dim, green } = output.colors;
  const rows = result.models.map((model) => [
    bold(model.name),
    String(model.version),
    model.action === 'built' ? green('built') : dim('unchanged'),
    formatBytes(model.bytes),
    `${(model.milliseconds / 1000).toFixed(2)} s`,
  ]);
  output.print(table(['model', 'version', '', 'size', 'time'], rows, [1, 3, 4]));
  for (const { name, manifest } of result.models) {
    if (manifest.gate !== undefined) output.print(`${name}: ${describeGate(manifest.gate as GateReport)}`);
  }
  for (const { name, edited } of result.models) {
    if (edited.length > 0)
      output.print(`kept: ${edited.join(', ')} of ${name}, edited by hand; --force writes it anew`);
  }
  output.print(`\n${result.models.length} models for ${result.target} in ${relativePath(result.repository)}`);
}

/** A model a paragraph: what it needs, and each command as a line for a shell. */
function printDryRun({ models, target }: DryRunResult, output: Output): void {
  for (const [index, model] of models.entries()) {
    if (index > 0) output.print('');
    if (!('plans' in model)) {
      output.print(`${model.name}: built by conch itself, no commands`);
      continue;
    }
    const by = model.tensorrt === null ? `what the image of ${target} has` : model.tensorrt;
    const plans = model.plans.map(({ plan }) => plan).join(', ');
    output.print(`${model.name}: ${plans} for ${target}, TensorRT ${by}; model.onnx will lie in ${model.work}`);
    for (const { shell } of model.steps) output.print(shell);
  }
}

/** `int8 on 212 texts: labels 100.0 %, macro F1 82.9 (source 82.9), cosine 0.9980, worst error 0.149`. */
function describeGate(gate: GateReport): string {
  const { precision, inputs, labelAgreement, macroF1, cosine, worstAbsoluteError, sourceError, paddingError } = gate;
  const figures = [
    labelAgreement !== undefined && `labels ${(100 * labelAgreement).toFixed(1)} %`,
    macroF1 && `macro F1 ${macroF1.compiled.toFixed(1)} (source ${macroF1.source.toFixed(1)})`,
    cosine !== undefined && `least cosine ${cosine.toFixed(4)}`,
    worstAbsoluteError !== undefined && `worst error ${worstAbsoluteError.toPrecision(3)}`,
    worstAbsoluteError === undefined && sourceError !== undefined && `worst error ${sourceError.toPrecision(3)}`,
    precision === 'fp32' && paddingError !== undefined && `padding changes ${paddingError.toPrecision(3)}`,
  ];
  return `${precision} on ${inputs} inputs: ${figures.filter(Boolean).join(', ')}`;
}

export function relativePath(path: string): string {
  const here = `${process.cwd()}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}
