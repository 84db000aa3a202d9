import { ConchError, type Logger, type LogSwitches, logSwitches, switchLog } from '../../base/index.ts';

/** Triton's log settings, by the names that both protocols give them. */
export interface LogSettingValues {
  readonly log_file: string;
  readonly log_info: boolean;
  readonly log_warning: boolean;
  readonly log_error: boolean;
  readonly log_verbose_level: number;
  readonly log_format: string;
}

/** What the server's logger lets through, and how clients change it where that is allowed. Free of any wire format. */
export class LogSettings {
  readonly #logger: Logger;
  readonly #changeable: boolean;

  constructor(logger: Logger, options: { readonly changeable: boolean }) {
    this.#logger = logger;
    this.#changeable = options.changeable;
  }

  get(): LogSettingValues {
    const { info, warning, error, verboseLevel, format } = logSwitches(this.#logger);
    return {
      log_file: '',
      log_info: info,
      log_warning: warning,
      log_error: error,
      log_verbose_level: verboseLevel,
      log_format: format,
    };
  }

  /** NOT_SUPPORTED, unless settings may be changed by request. */
  refuseUnlessChangeable(): void {
    if (this.#changeable) return;
    throw new ConchError(
      'NOT_SUPPORTED',
      'log settings cannot be changed by request: the server was started without --allow-log-settings=true',
    );
  }

  /**
   * Changes what is given and answers everything. Throws NOT_SUPPORTED for `log_file` and where changes are not
   * allowed, REQUEST_INVALID for a format that does not exist. Nothing is changed then.
   */
  update(changes: Partial<LogSettingValues>): LogSettingValues {
    this.refuseUnlessChangeable();
    const { log_file, log_info, log_warning, log_error, log_verbose_level, log_format } = changes;
    if (log_file !== undefined)
      throw new ConchError('NOT_SUPPORTED', "'log_file' cannot be changed by request; the log goes to standard error");
    if (log_format !== undefined && log_format !== 'default' && log_format !== 'ISO8601') {
      throw new ConchError('REQUEST_INVALID', `'log_format' must be 'default' or 'ISO8601', got '${log_format}'`);
    }
    const wanted: Partial<LogSwitches> = {
      ...(log_info !== undefined && { info: log_info }),
      ...(log_warning !== undefined && { warning: log_warning }),
      ...(log_error !== undefined && { error: log_error }),
      ...(log_verbose_level !== undefined && { verboseLevel: log_verbose_level }),
      ...(log_format !== undefined && { format: log_format as LogSwitches['format'] }),
    };
    switchLog(this.#logger, wanted);
    return this.get();
  }
}
