import { ConchError, type ErrorCode } from '../../base/index.ts';
import type { ExportOrder } from './export-module.ts';
import type { CompilePython } from './interpreter.ts';
import type { RunEnd } from './process.ts';

/** What export_module.py says when it cannot go on. */
export interface Failure {
  readonly stage: string;
  readonly code: ErrorCode;
  readonly message: string;
  /** The exception's class. */
  readonly kind?: string;
  readonly fix?: string;
  /** The package that an import did not find. */
  readonly missing?: string | null;
  /** Innermost frame in the user's own files. */
  readonly frame: {
    readonly file: string;
    readonly line: number | null;
    readonly function: string | null;
    readonly text: string | null;
  } | null;
}

interface FailedRun {
  readonly name: string;
  readonly python: CompilePython;
  readonly order: ExportOrder;
  readonly doing: string;
  readonly logFile: string;
  readonly ended: RunEnd;
  readonly failure: Failure | undefined;
}

export function exportFailed(run: FailedRun): ConchError {
  const { name, order, doing, logFile, ended, failure } = run;
  if (failure) {
    const { frame, kind, message, code } = failure;
    const place = frame ? ` (${frame.file}:${frame.line}${frame.text ? `: ${frame.text}` : ''})` : '';
    return new ConchError(code, `${name}: could not ${asVerb(doing)}: ${kind ? `${kind}: ` : ''}${message}${place}`, {
      where: frame ? { file: frame.file, ...(frame.line !== null && { line: frame.line }) } : { file: order.file },
      fix: `${failure.fix ?? fixOf(run, failure)}. The whole traceback is in ${logFile}`,
    });
  }
  const said = ended.lastLines.findLast((line) => line.trim() !== '')?.trim();
  const timedOut = ended.how === 'timeout';
  return new ConchError(
    'MODULE_FAILED',
    `${name}: Python ended with ${ended.how} while it was to ${asVerb(doing)}${said && !timedOut ? ` (${said})` : ''}`,
    {
      where: { file: order.file },
      fix: timedOut
        ? `raise timeout_seconds of the model, or see ${logFile} for what it was doing`
        : ended.how === 'SIGKILL'
          ? `the system ended it, most likely for want of memory; see ${logFile}`
          : `see ${logFile}`,
    },
  );
}

/** Dimensions that vary by themselves. */
function varying({ inputs }: ExportOrder): number {
  return inputs.flatMap(({ dims }) => dims).filter((dim) => dim === -1).length;
}

/** As it follows "could not". */
function asVerb(doing: string): string {
  return /^(TorchScript|ONNX)$/.test(doing) ? `export ${doing}` : doing;
}

function fixOf({ python, order }: FailedRun, { stage, missing, kind }: Failure): string {
  if (missing) {
    return (
      `install it where the step runs: ${python.command} -m pip install ${missing.split('.')[0]}; ` +
      'or set CONCH_PYTHON to a Python that has it, PyTorch and ONNX'
    );
  }
  switch (stage) {
    case 'start':
      return 'the environment is damaged: `conch env --force` makes it anew';
    case 'import':
      return `the file must import by itself: ${python.command} ${order.file}`;
    case 'construct':
      return kind === 'TypeError'
        ? 'give the arguments of the constructor in the deployment: module: { file, class, args }'
        : 'repair what the constructor does';
    case 'call':
      return (
        'compare `inputs` (order, datatype, dims without the batch) with what forward takes' +
        (varying(order) > 1 ? '; dimensions that must be equal need the same name in place of -1' : '')
      );
    default:
      return `rewrite that part of forward, or leave ${stage} out of \`formats\``;
  }
}
