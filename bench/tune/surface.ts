import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Load, Measurement } from '../../src/measure/index.ts';

export const load: Load = { kind: 'closed', concurrency: 16 };

/** What was measured of a kind of model: of each configuration, by its point's numbers, a list of measurements. */
export class Surface {
  readonly #file: string;
  readonly #lists: Map<string, Measurement[]>;

  private constructor(file: string, lists: Map<string, Measurement[]>) {
    this.#file = file;
    this.#lists = lists;
  }

  /** Of bench/surfaces/NAME.jsonl, a line for each point: `[id, [throughput, p50, p99] or a reason, for each measurement]`. */
  static async open(name: string): Promise<Surface> {
    const file = join(dirname(fileURLToPath(import.meta.url)), '../surfaces', `${name}.jsonl`);
    const lists = new Map<string, Measurement[]>();
    const text = existsSync(file) ? await readFile(file, 'utf8') : '';
    for (const line of text.split('\n').filter(Boolean)) {
      const [id, rounds] = JSON.parse(line) as [string, (string | [number, number, number])[]];
      const measurements = rounds.map((round): Measurement => {
        if (typeof round === 'string') return { id, loads: [], failed: round, seconds: 0 };
        const [throughput, p50, p99] = round;
        return { id, loads: [{ load, throughput, p50, p99 }], seconds: 0 };
      });
      lists.set(id, measurements);
    }
    return new Surface(file, lists);
  }

  of(id: string): readonly Measurement[] {
    return this.#lists.get(id) ?? [];
  }

  add(measurement: Measurement): void {
    const list = this.#lists.get(measurement.id) ?? [];
    this.#lists.set(measurement.id, list);
    list.push(measurement);
  }

  /** Means of logarithms over a point's measurements, those of even or odd number where that is asked for. */
  mean(id: string, half?: 'even' | 'odd'): { throughput: number; p99: number } | undefined {
    const list = this.of(id).filter((_, at) => half === undefined || (at % 2 === 0) === (half === 'even'));
    const all = list.flatMap(({ loads: [one] }) => one ?? []);
    if (all.length === 0 || all.length < list.length) return undefined;
    const over = (pick: (one: (typeof all)[number]) => number) =>
      Math.exp(all.reduce((sum, one) => sum + Math.log(pick(one)), 0) / all.length);
    return { throughput: over((one) => one.throughput), p99: over((one) => one.p99) };
  }

  async save(): Promise<void> {
    const short = (value: number) => Number(value.toPrecision(5));
    const lines = [...this.#lists].map(([id, list]) => {
      const rounds = list.map(({ failed, loads: [one] }) =>
        one ? [one.throughput, one.p50, one.p99].map(short) : (failed ?? 'nothing was answered'),
      );
      return JSON.stringify([id, rounds]);
    });
    await mkdir(dirname(this.#file), { recursive: true });
    await writeFile(this.#file, `${lines.sort().join('\n')}\n`);
  }
}
