import { redact } from './redact.ts';

/** Triton's error codes. `protocol/status.ts` maps them to HTTP and gRPC; nothing else does. */
export type TritonStatus =
  | 'UNKNOWN'
  | 'INTERNAL'
  | 'NOT_FOUND'
  | 'INVALID_ARG'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED'
  | 'ALREADY_EXISTS'
  | 'CANCELLED';

/**
 * Every error that conch raises on purpose: its code, the Triton status that it travels as, and what it means.
 * `docs/reference/errors.md` is generated from this table.
 */
export const errorCatalogue = {
  USAGE: { status: 'INVALID_ARG', means: 'The command line or an option is wrong.' },
  FILE_NOT_FOUND: { status: 'NOT_FOUND', means: 'A file or folder that was named does not exist or cannot be read.' },
  FILE_INVALID: { status: 'INVALID_ARG', means: 'A file exists but its content is not what its name promises.' },
  FILE_NOT_WRITTEN: { status: 'INTERNAL', means: 'A file could not be written; what stood there before still does.' },
  DEPLOYMENT_INVALID: {
    status: 'INVALID_ARG',
    means: 'A deployment file (conch.config.ts) has a wrong or missing field.',
  },
  CHECKPOINT_INVALID: {
    status: 'INVALID_ARG',
    means: 'A Hugging Face checkpoint lacks a file, a field or a tensor, or one of them is malformed.',
  },
  CHECKPOINT_UNSUPPORTED: {
    status: 'UNSUPPORTED',
    means: 'A checkpoint is well formed but of an architecture or with a switch that conch cannot compile.',
  },
  HUB_UNREACHABLE: { status: 'UNAVAILABLE', means: 'The Hugging Face hub did not answer and the cache has no copy.' },
  HUB_NOT_FOUND: { status: 'NOT_FOUND', means: 'The Hugging Face hub has no such repository, revision or file.' },
  SAFETENSORS_INVALID: { status: 'INVALID_ARG', means: 'A safetensors file is truncated, hostile or inconsistent.' },
  ONNX_INVALID: { status: 'INVALID_ARG', means: 'An ONNX file cannot be read or does not hold what it should.' },
  TOKENIZER_INVALID: { status: 'INVALID_ARG', means: "A checkpoint's tokenizer files are missing or unusable." },
  COMPILE_FAILED: { status: 'INTERNAL', means: 'A compile step failed; the previous version was left in place.' },
  ENVIRONMENT_MISSING: {
    status: 'UNAVAILABLE',
    means:
      'A step needs Python packages, Docker or a GPU that are not there; `conch env` makes an environment with the packages.',
  },
  ENVIRONMENT_FAILED: {
    status: 'INTERNAL',
    means: 'The Python environment could not be made; running `conch env` again goes on where it stopped.',
  },
  MODULE_FAILED: { status: 'INVALID_ARG', means: 'A PyTorch module could not be imported, called or exported.' },
  PLAN_FAILED: {
    status: 'INTERNAL',
    means: 'TensorRT could not build or run a plan, or it is none that the target loads; nothing was written.',
  },
  ACCURACY_MISSED: { status: 'INVALID_ARG', means: 'A compiled model departs from its source by more than its limit.' },
  CONFIG_INVALID: { status: 'INVALID_ARG', means: 'A config.pbtxt cannot be parsed or breaks a rule of Triton.' },
  REPOSITORY_INVALID: { status: 'INVALID_ARG', means: 'A model repository is not laid out as Triton requires.' },
  MODEL_NOT_FOUND: { status: 'NOT_FOUND', means: 'No model or version of that name is known.' },
  MODEL_NOT_READY: { status: 'UNAVAILABLE', means: 'The model or version is known but not ready to serve.' },
  MODEL_LOAD_FAILED: { status: 'INVALID_ARG', means: 'A model could not be loaded.' },
  REQUEST_INVALID: { status: 'INVALID_ARG', means: 'A request does not fit the model: names, types, shapes, sizes.' },
  REQUEST_MALFORMED: { status: 'INTERNAL', means: "A request's JSON cannot be read; Triton answers 500 to these." },
  REQUEST_TOO_LARGE: { status: 'INVALID_ARG', means: 'A request exceeds a size limit.' },
  REQUEST_CANCELLED: { status: 'CANCELLED', means: 'The client went away or cancelled before the answer.' },
  KEY_REQUIRED: { status: 'INVALID_ARG', means: 'A request to the proxy carries no API key that it knows.' },
  KEY_FORBIDDEN: { status: 'INVALID_ARG', means: 'The API key of a request does not allow what it asks for.' },
  RATE_LIMITED: { status: 'UNAVAILABLE', means: 'An API key or an address sent more requests than it may.' },
  QUEUE_FULL: { status: 'UNAVAILABLE', means: 'A queue is at its limit; try again later.' },
  QUEUE_TIMEOUT: { status: 'UNAVAILABLE', means: 'A request waited longer than its queue policy allows.' },
  DEADLINE_EXCEEDED: { status: 'UNAVAILABLE', means: 'A request took longer than its time limit.' },
  SERVER_STOPPING: { status: 'UNAVAILABLE', means: 'The server is shutting down and takes no new work.' },
  SERVER_UNREACHABLE: { status: 'UNAVAILABLE', means: 'A server could not be reached or broke the connection.' },
  SERVER_ERROR: { status: 'UNKNOWN', means: 'A server answered with an error.' },
  EXECUTION_FAILED: { status: 'INTERNAL', means: 'The runtime failed while executing a model.' },
  NOT_SUPPORTED: { status: 'UNSUPPORTED', means: 'The request is legal but this server or model does not do it.' },
  INTERNAL: { status: 'INTERNAL', means: 'A defect in conch.' },
} as const satisfies Record<string, { status: TritonStatus; means: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Where an error or diagnostic points: a file with an optional 1-based line and column, or a path of fields. */
export interface Where {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Dotted field path inside the file, e.g. `input[0].dims[1]`, or a tensor's name. */
  readonly path?: string;
}

export interface ConchErrorOptions {
  readonly where?: Where;
  /** What to do about it, as an instruction. */
  readonly fix?: string;
  readonly cause?: unknown;
  /** Overrides the catalogue's status, e.g. when a server's answer carries its own. */
  readonly status?: TritonStatus;
  /** When a refused call may come again, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/**
 * The one error class. `message` is complete by itself: what was expected, what came, and where. Credentials in it
 * (tokens, passwords in URLs, authorization headers) are redacted.
 */
export class ConchError extends Error {
  override readonly name = 'ConchError';
  readonly code: ErrorCode;
  readonly status: TritonStatus;
  readonly where: Where | undefined;
  readonly fix: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ConchErrorOptions = {}) {
    super(redact(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? errorCatalogue[code].status;
    this.where = options.where;
    this.retryAfterMs = options.retryAfterMs;
    this.fix = options.fix === undefined ? undefined : redact(options.fix);
  }

  /** `file:line:column: message` with the fix on a second line. */
  override toString(): string {
    // What the message names already needs no place in front, unless the place says more.
    const { file, line, column, path } = this.where ?? {};
    const fileIsNamed = file !== undefined && line === undefined && this.message.includes(file);
    const pathIsNamed =
      path !== undefined &&
      [`${path}:`, `${path} `, `'${path}'`].some((named) => ` ${this.message}`.includes(` ${named}`));
    const place = {
      ...(file !== undefined && !fileIsNamed && { file }),
      ...(line !== undefined && { line }),
      ...(column !== undefined && { column }),
      ...(path !== undefined && !pathIsNamed && { path }),
    };
    const at = formatWhere(place);
    return `${at ? `${at}: ` : ''}${this.message}${this.fix ? `\n  fix: ${this.fix}` : ''}`;
  }
}

export function formatWhere(where: Where | undefined): string {
  if (!where) return '';
  const position = [where.file, where.line, where.column].filter((part) => part !== undefined).join(':');
  return [position, where.path].filter(Boolean).join(' ');
}

/** Any thrown value as a ConchError; what was not raised on purpose becomes INTERNAL and keeps its cause. */
export function toConchError(thrown: unknown, code: ErrorCode = 'INTERNAL'): ConchError {
  if (thrown instanceof ConchError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ConchError(code, message, { cause: thrown });
}
