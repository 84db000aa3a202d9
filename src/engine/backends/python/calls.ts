import { ConchError, toConchError } from '../../../base/index.ts';
import type { ResponseEvent } from '../../../protocol/index.ts';
import { bytesOf } from '../../../tensor/index.ts';
import type { EngineAccess } from '../../backend.ts';
import type { Compose, Resolve } from './channel.ts';
import { KeptMetrics } from './kept-metrics.ts';
import type { MetricQuestion, Report, WireResponse } from './messages.ts';
import { callToRequest, errorToWire, responseToWire } from './wire.ts';

export type Call = Extract<Report, { readonly kind: 'infer' | 'load' | 'unload' | 'is_ready' }> | MetricQuestion;

/** Carries out what a model asks of the engine (Triton's business logic scripting), any number of calls at a time. */
export class Calls {
  readonly #server: EngineAccess;
  readonly #send: (compose: Compose) => Promise<void>;
  readonly #open = new Map<number, AbortController>();
  readonly metrics: KeptMetrics;

  constructor(server: EngineAccess, send: (compose: Compose) => Promise<void>) {
    this.#server = server;
    this.#send = send;
    this.metrics = new KeptMetrics(server.metrics);
  }

  async take(report: Call, resolve: Resolve): Promise<void> {
    try {
      if (report.kind === 'infer') await this.#infer(report, resolve);
      else await this.#answer(report.call, true, { result: await this.#control(report, resolve) });
    } catch (thrown) {
      await this.#answer(report.call, true, errorToWire(toConchError(thrown)));
    }
  }

  cancel(call: number): void {
    this.#open.get(call)?.abort();
  }

  /** The model is gone: nobody waits for the answers. */
  cancelAll(): void {
    for (const controller of this.#open.values()) controller.abort();
    this.#open.clear();
  }

  async #infer({ call, decoupled, request: wire }: Extract<Call, { kind: 'infer' }>, resolve: Resolve): Promise<void> {
    const controller = new AbortController();
    this.#open.set(call, controller);
    try {
      const request = callToRequest(wire, resolve, controller.signal);
      if (!decoupled) {
        const response = await this.#server.infer(request);
        await this.#send((add) => ({ kind: 'answer', call, final: true, ...responseToWire(response, add) }));
        return;
      }
      await this.#server.stream(request, (event) => void this.#event(call, event));
    } finally {
      this.#open.delete(call);
    }
  }

  #event(call: number, { response, final }: ResponseEvent): Promise<void> {
    if (response === undefined) return this.#answer(call, final, {});
    if (response instanceof ConchError) return this.#answer(call, final, errorToWire(response));
    return this.#send((add) => ({ kind: 'answer', call, final, ...responseToWire(response, add) }));
  }

  async #control(report: Exclude<Call, { kind: 'infer' }>, resolve: Resolve): Promise<boolean | string> {
    const server = this.#server;
    if (report.kind === 'load') await server.load(report.model, overridesOf(report, resolve));
    else if (report.kind === 'unload') await server.unload(report.model, { dependents: report.dependents });
    else if (report.kind !== 'is_ready') return this.metrics.ask(report);
    else {
      try {
        return await server.isModelReady(report.model, report.version === '' ? undefined : report.version);
      } catch {
        return false;
      }
    }
    return true;
  }

  #answer(call: number, final: boolean, rest: WireResponse & { readonly result?: boolean | string }): Promise<void> {
    return this.#send(() => ({ kind: 'answer', call, final, ...rest }));
  }
}

/** What a load brings with it; its files are named as in Triton's repository extension. */
function overridesOf(
  { config, files }: Extract<Call, { kind: 'load' }>,
  resolve: Resolve,
): Parameters<EngineAccess['load']>[1] {
  const contents = files.map((wire) => {
    if (wire.name.startsWith('file:')) return [wire.name.slice('file:'.length), bytesOf(resolve(wire))] as const;
    throw new ConchError('REQUEST_INVALID', `a file is named 'file:<path>', not '${wire.name}'`, {
      fix: `name it 'file:${wire.name}'`,
    });
  });
  return { ...(config !== '' && { config }), ...(contents.length > 0 && { files: new Map(contents) }) };
}
