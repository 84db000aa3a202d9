import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConchError, cacheDirectory, compileScript, type ProgressTask } from '../../base/index.ts';
import type { Datatype } from '../../tensor/index.ts';
import type { CompiledTensor } from '../compiled.ts';
import { exportFailed, type Failure } from './export-failure.ts';
import type { CompilePython } from './interpreter.ts';
import { runLogged } from './process.ts';

export type ModuleFormat = 'onnx' | 'torchscript';

/** An input of `forward` without the batch dimension; -1 or a name where it varies. */
export interface ExportInput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly (number | string)[];
  /** Least and greatest value of its samples. */
  readonly range?: readonly [number, number];
}

/** What python/compile/export_module.py reads. */
export interface ExportOrder {
  readonly file: string;
  readonly class?: string | undefined;
  readonly args?: Readonly<Record<string, unknown>> | undefined;
  readonly state_dict?: string | undefined;
  readonly seed: number;
  readonly inputs: readonly ExportInput[];
  /** Names; empty for those of the exporter. */
  readonly outputs: readonly string[];
  readonly batch: boolean;
  /** Most rows of a sample. */
  readonly max_rows: number;
  readonly samples: readonly Readonly<Record<string, unknown>>[];
  readonly formats: readonly ModuleFormat[];
  readonly versions: { readonly opset: number; readonly ir_version: number };
  /** Largest absolute difference from the module; by the type of each output unless given. */
  readonly tolerance?: number | undefined;
  /** Folder for the files. */
  readonly out: string;
}

export interface ExportedFormat {
  /** Name in the folder. */
  readonly file: string;
  /** How it was made: `torch.export`, `trace` or `script`. */
  readonly method: string;
  /** Absolute difference from the module that is worst for what is allowed, on all samples. */
  readonly error: number;
  readonly allowed: number;
  /** Index of the output that differed most, and the shape of the first input there. */
  readonly output: number;
  readonly shape: readonly number[];
  /** Inputs that the file does not have, since nothing depends on them. */
  readonly unused?: readonly string[];
}

export interface ExportedModule {
  /** In the order of forward's arguments. */
  readonly inputs: readonly ExportInput[];
  readonly outputs: readonly CompiledTensor[];
  /** The inputs have the names of forward's arguments. */
  readonly by_name: boolean;
  readonly formats: Readonly<Partial<Record<ModuleFormat, ExportedFormat>>>;
  /** Samples that were compared. */
  readonly samples: number;
  readonly parameters: number;
}

export interface ExportRun {
  readonly name: string;
  readonly python: CompilePython;
  readonly order: ExportOrder;
  readonly timeoutMs: number;
  readonly task: ProgressTask;
  readonly signal?: AbortSignal | undefined;
}

interface Report {
  readonly progress?: number;
  readonly doing?: string;
  readonly done?: ExportedModule;
  readonly failed?: Failure;
}

/**
 * Exports a module in a Python process of its own, which logs to `logs/<name>-export.log` in conch's cache. Throws
 * MODULE_FAILED with the frame in the user's file, or ACCURACY_MISSED when a file departs from the module.
 */
export async function exportModule(run: ExportRun): Promise<ExportedModule> {
  const { name, python, order, timeoutMs, task, signal } = run;
  const orderFile = join(order.out, 'order.json');
  const logFile = join(cacheDirectory(), 'logs', `${name}-export.log`);
  await writeFile(orderFile, JSON.stringify(order));
  await rm(logFile, { force: true });
  let last: Report = {};
  let doing = 'start Python';
  const ended = await runLogged({
    command: python.command,
    args: [compileScript('export_module.py'), orderFile],
    cwd: dirname(order.file),
    env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
    logFile,
    timeoutMs,
    signal,
    stdoutIsAnswer: true,
    onLine(line, stream) {
      if (stream === 'stderr') return;
      last = parseReport(line) ?? last;
      if (last.doing !== undefined) {
        doing = last.doing;
        task.update(last.progress, doing);
      }
    },
  });
  await rm(orderFile, { force: true });
  if (!last.done) throw exportFailed({ name, python, order, doing, logFile, ended, failure: last.failed });
  checkAccuracy(name, last.done);
  return last.done;
}

function parseReport(line: string): Report | undefined {
  try {
    return JSON.parse(line) as Report;
  } catch {
    return undefined;
  }
}

function checkAccuracy(name: string, { formats, outputs }: ExportedModule): void {
  for (const [format, { error, allowed, output, shape, unused = [] }] of Object.entries(formats)) {
    if (unused.length > 0) {
      throw new ConchError('MODULE_FAILED', `${name}: no output depends on input '${unused[0]}'; ONNX leaves it out`, {
        fix: `take '${unused[0]}' out of \`inputs\`, and out of forward where it has no default`,
      });
    }
    if (error <= allowed) continue;
    const size = error > 1e300 ? 'in shape, type or in what is no number' : `by ${error.toPrecision(3)}`;
    throw new ConchError(
      'ACCURACY_MISSED',
      `${name}: ${format} departs from the module ${size} in output '${outputs[output]!.name}' ` +
        `for a first input of shape [${shape}]; at most ${allowed} is allowed. Nothing was written`,
      {
        fix:
          'look for branches on the values or shapes of inputs in forward, which an export fixes as they were for its ' +
          'sample; or raise `tolerance` where the difference is rounding',
      },
    );
  }
}
