import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { GrpcClient, methodOf } from '../../grpc-client.ts';

/** Milliseconds within which a server must have come to what a case waits for. */
const patience = 20_000;

export interface Said {
  readonly status: number;
  /** The JSON body; of an error only that it is one, as its words are each server's own. */
  readonly body: unknown;
}

/** A server that runs a case's models, as the case sees it: by its sockets, and by files that its models know. */
export class World {
  readonly #url: string;
  readonly #metricsUrl: string;
  readonly #folder: string;
  readonly grpc: GrpcClient;

  constructor(url: string, grpcPort: number, metricsUrl: string, folder: string) {
    this.#url = url;
    this.#metricsUrl = metricsUrl;
    this.#folder = folder;
    this.grpc = new GrpcClient(grpcPort);
  }

  close(): void {
    this.grpc.close();
  }

  /** Below `/v2/`; GET without a body. */
  async ask(path: string, body?: unknown, signal?: AbortSignal): Promise<Said> {
    const response = await fetch(`${this.#url}/v2/${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      signal: signal ?? AbortSignal.timeout(patience),
    });
    const text = await response.text();
    const said = text === '' ? null : JSON.parse(text);
    return { status: response.status, body: typeof said?.error === 'string' ? 'an error' : said };
  }

  /** The status of a POST whose body is sent as it is. */
  async raw(path: string, body: string): Promise<number> {
    const signal = AbortSignal.timeout(patience);
    const response = await fetch(`${this.#url}/v2/${path}`, { method: 'POST', body, signal });
    await response.arrayBuffer();
    return response.status;
  }

  /** What the test model is told to do. `m` takes and gives one text. */
  infer(command: string, model = 'm', signal?: AbortSignal): Promise<Said> {
    const input = { name: 'x', datatype: 'BYTES', shape: [1, 1], data: [command] };
    return this.ask(`models/${model}/infer`, { inputs: [input] }, signal);
  }

  /** A ModelInfer call that can be taken back; its status code. */
  callInfer(request: object): { readonly cancel: () => void; readonly code: Promise<number> } {
    const { path, request: codec } = methodOf('ModelInfer');
    const { promise: code, resolve } = Promise.withResolvers<number>();
    const call = this.grpc.raw.makeUnaryRequest(
      path,
      (message: Uint8Array) => Buffer.from(message),
      (message: Buffer) => message,
      codec.encode(request),
      new Metadata(),
      (error: ServiceError | null) => resolve(error?.code ?? 0),
    );
    return { cancel: () => call.cancel(), code };
  }

  /** A file that nobody else uses; `m` reports there that it has begun, and waits for its second part. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Resolves when the model has begun what it was told with this file. */
  begun(file: string): Promise<void> {
    return this.until(() => existsSync(`${file}.begun`), `${file} begins`);
  }

  /** Lets go on what was told to hold with this file. */
  release(file: string): void {
    writeFileSync(`${file}.go`, '');
  }

  /** Resolves when so many requests of `m` wait for an instance. */
  waiting(count: number): Promise<void> {
    const line = new RegExp(`^nv_inference_pending_request_count.* ${count}$`);
    return this.until(async () => (await this.metrics()).some((one) => line.test(one)), `${count} requests wait`);
  }

  async until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (const end = Date.now() + patience; !(await done()); await new Promise((resolve) => setTimeout(resolve, 10))) {
      if (Date.now() > end) throw new Error(`it did not come to it that ${what}`);
    }
  }

  /** A model's statistics without times. */
  async statistics(model = 'm') {
    const { body } = await this.ask(`models/${model}/stats`);
    const [{ inference_count, execution_count, inference_stats, response_stats, batch_stats }] = (
      body as { readonly model_stats: readonly [Statistics] }
    ).model_stats;
    return {
      inference_count,
      execution_count,
      inference_stats: counts(inference_stats),
      response_stats: Object.fromEntries(
        Object.entries(response_stats ?? {}).map(([index, durations]) => [index, counts(durations)]),
      ),
      batch_stats: batch_stats.map(({ batch_size, ...durations }) => [batch_size, counts(durations)]),
    };
  }

  /** Resolves with the statistics when so many requests have come to their end, in so many executions at least. */
  async settled(requests: number, executions = 0, model = 'm') {
    let statistics = await this.statistics(model);
    await this.until(async () => {
      statistics = await this.statistics(model);
      const { success, fail } = statistics.inference_stats;
      return success! + fail! >= requests && statistics.execution_count >= executions;
    }, `${requests} requests of ${model} are over`);
    return statistics;
  }

  /** The lines of the metrics page. */
  async page(): Promise<string[]> {
    return (await (await fetch(`${this.#metricsUrl}/metrics`)).text()).split('\n');
  }

  /** The lines of a model on the metrics page that count. */
  async metrics(model = 'm'): Promise<string[]> {
    return (await this.page())
      .filter((line) => /^nv_inference_(request_(success|failure)|count|exec_count|pending_request_count)/.test(line))
      .filter((line) => line.includes(`model="${model}"`))
      .sort();
  }
}

interface Duration {
  readonly count: number;
}

interface Statistics {
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, Duration>>;
  readonly response_stats?: Readonly<Record<string, Readonly<Record<string, Duration>>>>;
  readonly batch_stats: readonly ({ readonly batch_size: number } & Record<string, Duration>)[];
}

function counts(durations: Readonly<Record<string, Duration>>): Record<string, number> {
  return Object.fromEntries(Object.entries(durations).map(([key, { count }]) => [key, count]));
}
