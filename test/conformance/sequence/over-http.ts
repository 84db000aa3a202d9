import type { Answer, Asked } from './answers.ts';
import type { Ask, SequenceCase } from './cases.ts';

/** A server with model `m`, asked over HTTP, in real time. */
export class OverHttp implements Asked {
  readonly #url: string;
  constructor(url: string) {
    this.#url = url;
  }

  async ask({ id, start, end, x, rows = 1, timeoutMicroseconds }: Ask, one: SequenceCase): Promise<Answer> {
    const shape = one.maxBatchSize > 0 ? [rows, 1] : [1];
    const response = await fetch(`${this.#url}/v2/models/m/infer`, {
      method: 'POST',
      body: JSON.stringify({
        inputs: [{ name: 'x', datatype: 'INT32', shape, data: new Array(rows).fill(x) }],
        parameters: {
          ...(id !== undefined && { sequence_id: id }),
          ...(start && { sequence_start: true }),
          ...(end && { sequence_end: true }),
          ...(timeoutMicroseconds && { timeout: timeoutMicroseconds }),
        },
      }),
    });
    const body = (await response.json()) as { outputs?: ({ name: string } & Record<string, unknown>)[] };
    if (!body.outputs) return { status: response.status };
    const outputs = Object.fromEntries(
      body.outputs.map(({ name, datatype, shape, data }) => [name, { datatype, shape, data }]),
    );
    return { status: response.status, outputs: outputs as NonNullable<Answer['outputs']> };
  }

  async wait(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  async statistics(): Promise<number[]> {
    const response = await fetch(`${this.#url}/v2/models/m/stats`);
    const { model_stats } = (await response.json()) as { model_stats: Record<string, never>[] };
    const [stats] = model_stats as unknown as [
      {
        inference_count: number;
        execution_count: number;
        inference_stats: { success: { count: number }; fail: { count: number } };
      },
    ];
    const { success, fail } = stats.inference_stats;
    return [success.count, fail.count, stats.inference_count, stats.execution_count];
  }
}
