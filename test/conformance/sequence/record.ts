import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchTriton } from '../../../scripts/fetch-triton.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { RealTriton } from '../../triton/real-triton.ts';
import { type Answer, type Asked, type CaseAnswers, play } from './answers.ts';
import { type Ask, type SequenceCase, sequenceCases } from './cases.ts';
import { configOf, modelPy } from './model.ts';

// Writes down what a real Triton answers to every case, or to those whose name holds the argument; `npm test` compares the
// embedded server with it.
class RealServer implements Asked {
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

const folder = fetchTriton();
const root = mkdtempSync(join(folder, 'sequence-'));
const file = new URL('recorded.json', import.meta.url);
const before = process.argv[2] ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, CaseAnswers>) : {};
const recorded: Record<string, CaseAnswers> = { ...before };
try {
  const only = process.argv[2] ?? '';
  for (const one of sequenceCases.filter(({ name }) => name.includes(only))) {
    writeFiles(root, { 'm/config.pbtxt': configOf(one), 'm/1/model.py': modelPy });
    const server = await RealTriton.start(folder, root);
    try {
      const loaded = await server.load('m');
      if (loaded.status !== 200) throw new Error(`${one.name}: ${loaded.body}`);
      recorded[one.name] = await play(one, new RealServer(server.url));
    } finally {
      await server.stop();
    }
    process.stderr.write(`${one.name}\n`);
  }
  const lines = Object.entries(recorded).map(
    ([name, answers]) => `${JSON.stringify(name)}: ${JSON.stringify(answers)}`,
  );
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
