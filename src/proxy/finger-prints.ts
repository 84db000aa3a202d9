import type { InferenceClient } from '../client/index.ts';
import type { ModelConfig } from '../config/index.ts';

/**
 * By what a model is known to have changed: its ready versions and those of an ensemble's steps. `thorough`: its
 * configuration too, and whether its counts have begun anew, since a model can be loaded again in place. The protocol
 * says no more, so a model that was asked nothing before and whose configuration is the same looks unchanged.
 */
export class FingerPrints {
  readonly #client: InferenceClient;
  readonly #thorough: boolean;
  /** Of each model and version, on each server: requests answered, and how often that number has fallen. */
  readonly #counts = new Map<string, { count: bigint; restarts: number }>();
  readonly #steps = new Map<string, readonly string[]>();

  constructor(client: InferenceClient, thorough: boolean) {
    this.#client = client;
    this.#thorough = thorough;
  }

  async take(
    states: ReadonlyMap<string, { readonly versions: string }>,
    config: (model: string) => Promise<ModelConfig>,
    signal: AbortSignal,
  ): Promise<Map<string, string>> {
    const restarts = this.#thorough ? await this.#restarts(signal) : new Map<string, number>();
    const own = new Map<string, string>();
    const ready = [...states].filter(([, { versions }]) => versions !== '');
    const worker = async () => {
      for (let next = ready.pop(); next; next = ready.pop()) {
        const [name, { versions }] = next;
        let print = `${versions}/${restarts.get(name) ?? 0}`;
        if (this.#thorough || !this.#steps.has(name)) {
          // What goes wrong here is told when the model is described.
          const read = await config(name).catch(() => undefined);
          if (read)
            this.#steps.set(
              name,
              (read.ensemble_scheduling?.step ?? []).map(({ model_name = '' }) => model_name),
            );
          if (this.#thorough) print += textOf(read);
        }
        own.set(name, print);
      }
    };
    await Promise.all(Array.from({ length: readAtOnce }, worker));
    for (const name of this.#steps.keys()) if (!states.has(name)) this.#steps.delete(name);
    return new Map(
      [...own].map(([name, print]) => {
        const steps = (this.#steps.get(name) ?? []).map((step) => `${step}:${own.get(step) ?? ''}`);
        return [name, [print, ...steps].join('\n')];
      }),
    );
  }

  async #restarts(signal: AbortSignal): Promise<Map<string, number>> {
    const restarts = new Map<string, number>();
    const statistics = await this.#client.statistics(undefined, undefined, signal).catch(() => []);
    const rows = new Map<string, number>();
    for (const { name, version, inference_stats } of statistics) {
      // Several servers give a row each, in their order.
      const row = (rows.get(`${name}/${version}`) ?? 0) + 1;
      rows.set(`${name}/${version}`, row);
      const key = `${name}/${version}/${row}`;
      const { success, fail } = inference_stats;
      const count = BigInt(success.count) + BigInt(fail.count);
      const before = this.#counts.get(key) ?? { count, restarts: 0 };
      const now = { count, restarts: before.restarts + (count < before.count ? 1 : 0) };
      this.#counts.set(key, now);
      restarts.set(name, (restarts.get(name) ?? 0) + now.restarts);
    }
    return restarts;
  }
}

const readAtOnce = 8;

function textOf(config: ModelConfig | undefined): string {
  return JSON.stringify(config, (_key, value) => (typeof value === 'bigint' ? String(value) : value)) ?? '';
}
