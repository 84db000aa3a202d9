import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GrpcClient } from '../grpc-client.ts';
import { seeded } from '../random.ts';
import { writeRepository } from './repository.ts';
import { ServerProcess } from './server.ts';
import { discardRegions } from './shared-memory-traffic.ts';
import { post, type Target } from './target.ts';
import { senders } from './traffic.ts';

// npm run soak [-- --minutes N --clients N --seed N]: mixed load on an embedded server while models are reloaded, broken
// and mended, and the processes of Python models are killed. Every request must get its right answer or a proper error,
// memory must stay flat, and SIGTERM must end it in order. Exits with 1 otherwise.
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    // Nothing happens to the models.
    calm: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
/** Resident memory of the last quarter may be this much above that of the second; the first is warming up. */
const allowedGrowth = 1.15;

const python = process.env.CONCH_PYTHON ?? 'python3';
const hasPython = spawnSync(python, ['-c', 'import numpy']).status === 0;
if (!hasPython) console.log(`no numpy for ${python}: the Python model is left out (CONCH_PYTHON names another one)`);

const root = mkdtempSync(join(tmpdir(), 'conch-soak-'));
writeRepository(root, { python: hasPython });
const server = await ServerProcess.start(root, [
  ...['--model-control-mode', 'explicit', '--load-model', '*'],
  '--allow-client-shm=true',
]);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const target: Target = { agent, port: server.httpPort, grpc: new GrpcClient(server.grpcPort) };
const end = Date.now() + minutes * 60_000;
const tally = new Map<string, Map<string, number>>();
const faults: string[] = [];

function count(kind: string, outcome: string): void {
  const row = tally.get(kind) ?? new Map<string, number>();
  tally.set(kind, row.set(outcome, (row.get(outcome) ?? 0) + 1));
}

async function client(seed: number): Promise<void> {
  const random = seeded(seed);
  const kinds = Object.entries(senders).filter(([name]) => hasPython || name !== 'negate');
  const wheel = kinds.flatMap(([name, { share }]) => Array<string>(share).fill(name));
  while (Date.now() < end && faults.length < 20 && server.alive) {
    const kind = wheel[Math.floor(random() * wheel.length)]!;
    try {
      count(kind, await senders[kind]!.send(target, random));
    } catch (thrown) {
      count(kind, 'FAULT');
      faults.push(`${kind}: ${(thrown as Error).message}`);
    }
    if (random() < 0.02) await pause(random() * 50);
  }
}

async function load(model: string): Promise<number> {
  return (await post(target, `/v2/repository/models/${model}/load`, '{}')).status;
}

/** Every second something happens to the models. */
async function trouble(): Promise<void> {
  const random = seeded(Number(values.seed) + 1000);
  let reloads = 0;
  const models = ['add', 'row_sum', 'repeat', 'total_direct', 'total_oldest', ...(hasPython ? ['negate'] : [])];
  while (Date.now() < end && server.alive) {
    await pause(1000);
    const model = models[Math.floor(random() * models.length)]!;
    const config = join(root, model, 'config.pbtxt');
    const kind = random();
    if (kind < 0.5) {
      reloads += 1;
      const text = readFileSync(config, 'utf8').replace(/^metric_tags .*\n/m, '');
      writeFileSync(config, `${text}metric_tags { key: "reload" value: "${reloads}" }\n`);
      count('reload', `${await load(model)}`);
    } else if (kind < 0.7) {
      const good = readFileSync(config);
      writeFileSync(config, 'max_batch_size: "many"\n');
      const status = await load(model);
      count('broken reload', status === 200 ? 'FAULT' : `${status}`);
      if (status === 200) faults.push(`a broken config of ${model} was loaded`);
      writeFileSync(config, good);
      count('mended reload', `${await load(model)}`);
    } else {
      const children = server.children();
      const victim = children[Math.floor(random() * children.length)];
      if (victim === undefined) continue;
      try {
        process.kill(victim, 'SIGKILL');
        count('killed process', 'ok');
      } catch {}
    }
  }
}

const usage: { at: number; bytes: number; files: number; threads: number }[] = [];
async function watch(): Promise<void> {
  const start = Date.now();
  while (Date.now() < end && server.alive) {
    usage.push({ at: Date.now() - start, ...server.usage() });
    await pause(2000);
  }
}

await Promise.all([
  ...Array.from({ length: Number(values.clients) }, (_, index) => client(Number(values.seed) + index)),
  ...(values.calm ? [] : [trouble()]),
  watch(),
]);
agent.destroy();
target.grpc.close();
discardRegions();
const survived = server.alive;
const children = survived ? server.children() : [];
const code = await server.stop();
rmSync(root, { recursive: true, force: true });

for (const [kind, row] of tally) {
  const cells = [...row].sort(([a], [b]) => (a < b ? -1 : 1)).map(([outcome, times]) => `${outcome} ${times}`);
  console.log(`${kind.padEnd(16)} ${cells.join(', ')}`);
}
const quarter = (index: number) => {
  const part = usage.slice((index * usage.length) / 4, ((index + 1) * usage.length) / 4);
  const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return { bytes: middle(part.map(({ bytes }) => bytes)), files: middle(part.map(({ files }) => files)) };
};
const quarters = [0, 1, 2, 3].map(quarter);
console.log(
  `memory by quarter: ${quarters.map(({ bytes }) => `${(bytes / 1e6).toFixed(0)} MB`).join(', ')}; open files: ${quarters.map(({ files }) => files).join(', ')}`,
);
const growth = quarters[3]!.bytes / quarters[1]!.bytes;
const problems = [
  ...faults,
  ...(survived ? [] : [`the server died:\n${server.errors}`]),
  ...(survived && code !== 0 ? [`SIGTERM ended it with ${code}`] : []),
  ...(growth > allowedGrowth ? [`memory grew ${growth.toFixed(2)} times from the second quarter to the last`] : []),
  ...children.filter(isAlive).map((pid) => `process ${pid} outlived the server`),
];
for (const problem of problems) console.log(`FAULT ${problem}`);
console.log(problems.length === 0 ? 'PASSED' : `FAILED: ${problems.length} faults`);
process.exitCode = problems.length === 0 ? 0 : 1;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
