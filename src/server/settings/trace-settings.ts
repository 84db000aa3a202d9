import { ConchError } from '../../base/index.ts';

/** What a trace holds: time stamps of a request's way, or its tensors too. */
export type TraceLevel = 'TIMESTAMPS' | 'TENSORS';

/** How requests are traced, of one model or of all. */
export interface TraceSetting {
  /** Empty: nothing is traced. */
  readonly levels: readonly TraceLevel[];
  /** Every how many requests one is traced; 0: none. */
  readonly rate: number;
  /** How many are traced; -1: no limit. */
  readonly count: number;
  /** After how many traces the next file begins (`<file>.0`, `<file>.1`, ...); 0: all go to one file. */
  readonly logFrequency: number;
  /** '' where no file was named; then nothing can be traced. */
  readonly file: string;
}

/** Settings by the names of both protocols, each a list of texts; null gives a setting back to its default. */
export type TraceChanges = Readonly<Record<string, readonly string[] | null>>;

export const defaultTraceSetting: TraceSetting = { levels: [], rate: 1000, count: -1, logFrequency: 0, file: '' };

/** Triton keeps rates and frequencies in 32 bits. */
const most = 2 ** 32 - 1;

/**
 * Triton's trace settings: one for all models, and for each model what it has of its own. Free of any wire format.
 * Whoever traces looks a setting up per request, so `of` costs a map look-up and no more.
 */
export class TraceSettings {
  readonly #initial: TraceSetting;
  readonly #changeable: boolean;
  #common: TraceSetting;
  readonly #own = new Map<string, Partial<TraceSetting>>();
  readonly #whole = new Map<string, TraceSetting>();
  /** Traces taken since the last change, by model ('' for those without settings of their own). */
  readonly #taken = new Map<string, number>();
  /** Called after every change, with the model that it is about (undefined: all). */
  onChange: (model: string | undefined) => void = () => {};

  constructor(options: { readonly initial?: Partial<TraceSetting>; readonly changeable: boolean }) {
    this.#initial = { ...defaultTraceSetting, ...options.initial };
    this.#common = this.#initial;
    this.#changeable = options.changeable;
    refuseWithoutFile(this.#initial);
  }

  /** The setting that requests to a model are traced by; without a name that of all models. */
  of(model?: string): TraceSetting {
    return (model === undefined ? undefined : this.#whole.get(model)) ?? this.#common;
  }

  /** Whose requests count together: the model's, where it has settings of its own, otherwise ('') all others'. */
  groupOf(model?: string): string {
    return model !== undefined && this.#whole.has(model) ? model : '';
  }

  /** How many more requests may be traced; -1: no limit. */
  remaining(model?: string): number {
    const { count } = this.of(model);
    return count < 0 ? count : Math.max(0, count - (this.#taken.get(this.groupOf(model)) ?? 0));
  }

  /** Takes one trace off what remains. */
  take(model?: string): void {
    const group = this.groupOf(model);
    this.#taken.set(group, (this.#taken.get(group) ?? 0) + 1);
  }

  /** Whether any model may be traced at all. */
  get any(): boolean {
    if (this.#common.levels.length > 0) return true;
    for (const { levels } of this.#whole.values()) if (levels.length > 0) return true;
    return false;
  }

  /** By the names of both protocols; `trace_count` is what remains. Only `trace_level` is a list; numbers are texts, as Triton has them. */
  describe(model?: string): Readonly<Record<string, string | readonly string[]>> {
    const { levels, rate, logFrequency, file } = this.of(model);
    return {
      trace_level: levels.length > 0 ? levels : ['OFF'],
      trace_rate: String(rate),
      trace_count: String(this.remaining(model)),
      log_frequency: String(logFrequency),
      trace_file: file,
      trace_mode: 'triton',
    };
  }

  /** NOT_SUPPORTED, unless settings may be changed by request. */
  refuseUnlessChangeable(): void {
    if (this.#changeable) return;
    throw new ConchError(
      'NOT_SUPPORTED',
      'trace settings cannot be changed by request: the server was started without --allow-trace-settings=true',
    );
  }

  /**
   * Changes the settings of a model, or without one those of all models that have none of their own. Unknown names are
   * ignored, as in Triton. Throws NOT_SUPPORTED for `trace_file` and where changes are not allowed, REQUEST_INVALID for
   * values that cannot be. Nothing is changed then.
   */
  update(changes: TraceChanges, model?: string): void {
    this.refuseUnlessChangeable();
    const { given, cleared } = readChanges(changes);
    if (model === undefined) {
      const back = Object.fromEntries(cleared.map((key) => [key, this.#initial[key]]));
      const next = { ...this.#common, ...back, ...given };
      refuseWithoutFile(next);
      this.#common = next;
    } else {
      const own: Partial<Record<keyof TraceSetting, unknown>> = { ...this.#own.get(model), ...given };
      for (const key of cleared) delete own[key];
      refuseWithoutFile({ ...this.#common, ...(own as Partial<TraceSetting>) });
      if (Object.keys(own).length === 0) this.#own.delete(model);
      else this.#own.set(model, own as Partial<TraceSetting>);
    }
    if (model === undefined) this.#taken.clear();
    else this.#taken.delete(model);
    this.#whole.clear();
    for (const [name, own] of this.#own) this.#whole.set(name, { ...this.#common, ...own });
    this.onChange(model);
  }
}

function readChanges(changes: TraceChanges): { given: Partial<TraceSetting>; cleared: (keyof TraceSetting)[] } {
  const given: { -readonly [key in keyof TraceSetting]?: TraceSetting[key] } = {};
  const cleared: (keyof TraceSetting)[] = [];
  for (const [name, values] of Object.entries(changes)) {
    switch (name) {
      case 'trace_file':
        throw new ConchError(
          'NOT_SUPPORTED',
          "'trace_file' cannot be changed by request; use --trace-config=file=PATH",
        );
      case 'trace_level':
        if (values === null || values.length === 0) cleared.push('levels');
        else {
          const levels = readLevels(values);
          // Of names that are all unknown nothing is taken, as in Triton.
          if (levels.length > 0 || values.includes('OFF')) given.levels = levels;
        }
        break;
      case 'trace_rate':
        if (values === null || values.length === 0) cleared.push('rate');
        else given.rate = readNumber(name, values, 0, most);
        break;
      case 'trace_count':
        if (values === null || values.length === 0) cleared.push('count');
        else given.count = readNumber(name, values, -1, 2 ** 31 - 1);
        break;
      case 'log_frequency':
        if (values === null || values.length === 0) cleared.push('logFrequency');
        else given.logFrequency = readNumber(name, values, 0, most);
    }
  }
  return { given, cleared };
}

/** In the order in which Triton tells them. */
const traceLevels: readonly TraceLevel[] = ['TIMESTAMPS', 'TENSORS'];

/** Unknown levels are ignored; MIN and MAX are Triton's old names for TIMESTAMPS. */
export function readLevels(names: readonly string[]): TraceLevel[] {
  if (names.includes('OFF') && names.length > 1) {
    throw new ConchError('REQUEST_INVALID', `'trace_level' OFF stands alone, got ${names.join(', ')}`);
  }
  const levels = new Set<TraceLevel>();
  for (const name of names) {
    if (name === 'TIMESTAMPS' || name === 'MIN' || name === 'MAX') levels.add('TIMESTAMPS');
    if (name === 'TENSORS') levels.add('TENSORS');
  }
  return traceLevels.filter((level) => levels.has(level));
}

function readNumber(name: string, values: readonly string[], least: number, largest: number): number {
  const [text = '', ...more] = values;
  if (more.length > 0)
    throw new ConchError('REQUEST_INVALID', `'${name}' takes one value, got ${values.length}: ${values.join(', ')}`);
  const value = Number(text);
  if (!/^-?\d{1,15}$/.test(text) || value < least || value > largest) {
    throw new ConchError(
      'REQUEST_INVALID',
      `'${name}' must be a whole number from ${least} to ${largest}, got '${text}'`,
    );
  }
  return value;
}

function refuseWithoutFile({ levels, file }: TraceSetting): void {
  if (levels.length === 0 || file !== '') return;
  throw new ConchError('REQUEST_INVALID', 'nothing can be traced: the server was started without a trace file', {
    fix: 'start it with --trace-config=triton,file=PATH',
  });
}
