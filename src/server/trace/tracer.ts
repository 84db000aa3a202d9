import type { Logger } from '../../base/index.ts';
import type { TraceSettings } from '../settings/index.ts';
import { TraceFile } from './trace-file.ts';
import { TracedRequest } from './traced-request.ts';

/** A request that is being traced, in the hands of the front end that received it. */
export interface SampledTrace {
  readonly request: TracedRequest;
  /** The request is answered: what was traced goes to the file. */
  end(): void;
}

/** Picks requests to trace, by the settings, and writes their traces. While nothing is traced it costs one comparison. */
export class Tracer {
  readonly #settings: TraceSettings;
  readonly #logger: Logger;
  /** By path; kept so that settings that come back to a file go on behind what it has. */
  readonly #files = new Map<string, TraceFile>();
  /** Requests seen and traces written since the last change, by group of models. */
  readonly #counts = new Map<string, { seen: number; written: number; file: number }>();
  #any: boolean;

  constructor(settings: TraceSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#any = settings.any;
    settings.onChange = (model) => this.#change(model);
  }

  /** Present when this request to a model is one to trace: every `rate`-th, as long as `count` lasts. */
  sample(model: string): SampledTrace | undefined {
    if (!this.#any) return undefined;
    const settings = this.#settings;
    const { levels, rate } = settings.of(model);
    if (levels.length === 0 || rate === 0 || settings.remaining(model) === 0) return undefined;
    const counts = this.#countsOf(settings.groupOf(model));
    counts.seen += 1;
    if (counts.seen % rate !== 0) return undefined;
    settings.take(model);
    const request = new TracedRequest({ stamps: levels.includes('TIMESTAMPS'), tensors: levels.includes('TENSORS') });
    return { request, end: () => this.#write(model, request) };
  }

  /** Resolves when everything traced is in its file. */
  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
  }

  #write(model: string, request: TracedRequest): void {
    const { file, logFrequency } = this.#settings.of(model);
    const counts = this.#countsOf(this.#settings.groupOf(model));
    const path = logFrequency > 0 ? `${file}.${counts.file}` : file;
    this.#fileAt(path).append(request.elements());
    counts.written += 1;
    if (logFrequency > 0 && counts.written % logFrequency === 0) {
      counts.file += 1;
      void this.#fileAt(path).close();
    }
  }

  #fileAt(path: string): TraceFile {
    let file = this.#files.get(path);
    if (!file) {
      file = new TraceFile(path, (error) => this.#logger.error({ err: error, path }, 'traces cannot be written'));
      this.#files.set(path, file);
    }
    return file;
  }

  #countsOf(group: string): { seen: number; written: number; file: number } {
    let counts = this.#counts.get(group);
    if (!counts) {
      counts = { seen: 0, written: 0, file: 0 };
      this.#counts.set(group, counts);
    }
    return counts;
  }

  #change(model: string | undefined): void {
    this.#any = this.#settings.any;
    for (const [group, counts] of this.#counts) if (model === undefined || group === model) counts.seen = 0;
    void this.close();
  }
}
