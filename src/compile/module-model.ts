import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ConchError, hashFile, type ProgressTask } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import { irVersionOf } from '../onnx/index.ts';
import { type ConfigDatatype, type Datatype, datatypeFromConfig } from '../tensor/index.ts';
import { type CompileContext, type MadeModel, makeArtifact } from './artifact.ts';
import type { CompiledTensor } from './compiled.ts';
import type { ModuleDeployment } from './deployment.ts';
import {
  type ExportedFormat,
  type ExportedModule,
  type ExportInput,
  type ExportOrder,
  exportModule,
  type ModuleFormat,
} from './python/export-module.ts';
import { type CompilePython, compileInterpreter } from './python/interpreter.ts';
import { withLocalImports } from './python/local-imports.ts';
import { defaultMaxBatchSize, definedSettings, onnxConfig } from './settings.ts';

const recipe = 1;
const defaultFormats: readonly ModuleFormat[] = ['onnx', 'torchscript'];
/** The opset that torch.onnx.export writes without conversion. */
const nativeOpset = 18;
/** A sample is to have several rows, not as many as a batch may. */
const mostRows = 8;
const defaultTimeoutSeconds = 600;

/**
 * `models.<name>: { module, inputs, ... }` as an ONNX model, a TorchScript model, or both: then `<name>` is the ONNX one and
 * `<name>-torchscript` the other. Python runs only when something has changed.
 */
export async function makeModuleModel(
  context: CompileContext,
  name: string,
  deployment: ModuleDeployment,
): Promise<MadeModel[]> {
  const { path, className, args } = sourceOf(context.baseDir, deployment.module);
  await requireFile(path, `models.${name}.module`, 'name a Python file, relative to the deployment file');
  const state = deployment.state_dict === undefined ? undefined : resolve(context.baseDir, deployment.state_dict);
  if (state) await requireFile(state, `models.${name}.state_dict`, 'name what torch.save or safetensors has written');
  const formats = deployment.formats ?? defaultFormats;
  const max_batch_size = deployment.max_batch_size ?? defaultMaxBatchSize;
  const outputs = (deployment.outputs ?? []).map((output) => (typeof output === 'string' ? { name: output } : output));
  const opset = Math.min(context.target.opset, nativeOpset);
  const work: Omit<ExportOrder, 'out'> = {
    file: path,
    class: className,
    args,
    state_dict: state,
    seed: deployment.seed ?? 0,
    inputs: deployment.inputs.map((input) => ({ ...input, datatype: datatypeOf(input.datatype) })),
    outputs: outputs.map((output) => output.name),
    batch: max_batch_size > 0,
    max_rows: Math.min(Math.max(max_batch_size, 1), mostRows),
    samples: deployment.sample ? [deployment.sample].flat() : [],
    formats,
    versions: { opset, ir_version: irVersionOf(opset) },
    tolerance: deployment.tolerance,
  };

  for (const given of work.samples) checkSample(name, work.inputs, given);

  let folder: string | undefined;
  let python: CompilePython | undefined;
  let exported: Promise<ExportedModule> | undefined;
  const exportOnce = (task: ProgressTask) => {
    exported ??= (async () => {
      const { signal } = context;
      python = await compileInterpreter({ python: context.python, signal });
      folder = await mkdtemp(join(tmpdir(), 'conch-module-'));
      const timeoutMs = 1000 * (deployment.timeout_seconds ?? defaultTimeoutSeconds);
      const made = await exportModule({ name, python, order: { ...work, out: folder }, timeoutMs, task, signal });
      checkOutputs(name, outputs, made.outputs);
      return made;
    })();
    return exported;
  };

  const inputs = await hashesOf(path, state);
  const settings = definedSettings(deployment);
  const { file, state_dict, ...shaping } = work;
  const made: MadeModel[] = [];
  try {
    for (const format of formats) {
      const modelName = formats.length > 1 && format === 'torchscript' ? `${name}-torchscript` : name;
      const one = await makeArtifact(context, {
        name: modelName,
        version: deployment.version ?? 1,
        recipe,
        inputs,
        settings: { ...shaping, format, max_batch_size, settings, declared: outputs },
        source: { kind: 'module', module: moduleText(deployment.module) },
        async build(outDir, task) {
          const result = await exportOnce(task);
          const written = result.formats[format]!;
          await copyFormat(folder!, written, outDir);
          const tensors = tensorsOf(result, format);
          return {
            config: configOf(format, { name: modelName, max_batch_size, ...tensors, settings }),
            tensors,
            facts: {
              ...factsOf(result, written, format === 'onnx' ? opset : undefined),
              environment: versionsOf(python!),
            },
          };
        },
      });
      made.push(one);
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
  return made;
}

/** `./net.py:Net` apart; a file alone has one module, whose class need not be named. */
function sourceOf(baseDir: string, module: ModuleDeployment['module']) {
  const { file, class: className, args } = typeof module === 'string' ? splitModule(module) : module;
  return { path: resolve(baseDir, file), className, args };
}

export function splitModule(text: string): { file: string; class?: string; args?: Record<string, unknown> } {
  const [, file, className] = /^(.*\.py)(?::([A-Za-z_]\w*))?$/.exec(text) ?? [];
  return { file: file ?? text, ...(className !== undefined && { class: className }) };
}

function moduleText(module: ModuleDeployment['module']): string {
  if (typeof module === 'string') return module;
  return module.class === undefined ? module.file : `${module.file}:${module.class}`;
}

async function requireFile(path: string, field: string, fix: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isFile()) return;
  throw new ConchError('FILE_NOT_FOUND', `${field}: no file at ${path}`, { where: { file: path }, fix });
}

/** The file, what it imports from its own folder, and the weights. */
async function hashesOf(path: string, state: string | undefined): Promise<Record<string, string>> {
  const folder = dirname(path);
  const hashes: Record<string, string> = {};
  for (const file of await withLocalImports(path)) hashes[file] = await hashFile(join(folder, file));
  if (state !== undefined) hashes[`state_dict ${basename(state)}`] = await hashFile(state);
  return hashes;
}

function datatypeOf(name: Datatype | ConfigDatatype): Datatype {
  return datatypeFromConfig(name)?.name ?? (name as Datatype);
}

function checkSample(name: string, inputs: readonly ExportInput[], sample: Readonly<Record<string, unknown>>): void {
  const wanted = inputs.map((input) => input.name);
  const wrong = [
    ...wanted.filter((one) => !(one in sample)),
    ...Object.keys(sample).filter((one) => !wanted.includes(one)),
  ];
  if (wrong.length === 0) return;
  throw new ConchError(
    'DEPLOYMENT_INVALID',
    `models.${name}.sample: expected values for ${wanted.join(', ')}, got them for ${Object.keys(sample).join(', ') || 'nothing'}`,
    { where: { path: wrong[0]! }, fix: 'give each sample every input, rows of a batch and all' },
  );
}

/** What the deployment says of the outputs must hold. */
function checkOutputs(
  name: string,
  declared: readonly { name: string; datatype?: Datatype | ConfigDatatype; dims?: readonly number[] }[],
  actual: readonly CompiledTensor[],
): void {
  for (const [index, { datatype, dims }] of declared.entries()) {
    const output = actual[index]!;
    const is = `${output.datatype} [${output.dims}]`;
    const fits =
      dims === undefined ||
      (dims.length === output.dims.length && dims.every((dim, axis) => dim === output.dims[axis] || dim === -1));
    if (fits && (datatype === undefined || datatypeOf(datatype) === output.datatype)) continue;
    const said = `${datatype === undefined ? output.datatype : datatypeOf(datatype)} [${dims ?? output.dims}]`;
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${name}.outputs: '${output.name}' is said to be ${said}; forward returns ${is}`,
      { fix: `write ${is}, or leave datatype and dims out: they are found out` },
    );
  }
}

async function copyFormat(from: string, { file }: ExportedFormat, to: string): Promise<void> {
  // Large ONNX models have their weights in files beside the graph.
  const files = (await readdir(from)).filter((name) => name === file || name.startsWith(`${file}.`));
  for (const name of files) await copyFile(join(from, name), join(to, name));
}

interface ModuleTensors {
  readonly inputs: readonly CompiledTensor[];
  readonly outputs: readonly CompiledTensor[];
}

/**
 * Names as the runtime takes them. TorchScript knows the arguments of forward by name, but no outputs: Triton's PyTorch
 * backend finds a tensor by an index at the end of its name (pytorch_backend, `GetNamingConvention`).
 */
function tensorsOf({ inputs, outputs, by_name }: ExportedModule, format: ModuleFormat): ModuleTensors {
  const plain = inputs.map(describe);
  if (format === 'onnx') return { inputs: plain, outputs };
  return { inputs: by_name ? plain : plain.map(indexed), outputs: outputs.map(indexed) };
}

function describe({ name, datatype, dims }: ExportInput): CompiledTensor {
  return { name, datatype, dims: dims.map((dim) => (typeof dim === 'number' ? dim : -1)) };
}

function indexed(tensor: CompiledTensor, index: number): CompiledTensor {
  return tensor.name.endsWith(`__${index}`) ? tensor : { ...tensor, name: `${tensor.name}__${index}` };
}

function configOf(format: ModuleFormat, options: Parameters<typeof onnxConfig>[0]): ModelConfig {
  const config = onnxConfig(options);
  if (format === 'onnx') return config;
  return { ...config, platform: 'pytorch_libtorch', backend: 'pytorch', default_model_filename: 'model.pt' };
}

function factsOf(
  { samples, parameters }: ExportedModule,
  { method, error }: ExportedFormat,
  opset: number | undefined,
) {
  return {
    parameters,
    exporter: method,
    ...(opset !== undefined && { opset, irVersion: irVersionOf(opset) }),
    accuracy: { samples, worstAbsoluteError: error },
  };
}

/** What it was made with, by name. */
function versionsOf({ version, packages }: CompilePython): Record<string, string> {
  return { python: version, ...packages };
}
