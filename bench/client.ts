import { existsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ClientJob } from './client-worker.ts';
import { runJson } from './measure.ts';
import { median, startProgram, stopPrograms } from './programs.ts';
import { table, writeSection } from './report.ts';

// What a client costs: conch's against grpc-js with protobuf messages (what the wrappers on npm and Triton's own example
// are made of) and against Python's tritonclient (npm run fetch:clients), each in a process of its own, in turns, over a
// server that does next to nothing. The server shares the cores, so that processor time a call tells more than calls.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
});
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = file('../.conch/clients/bin/python3');
const { port } = await startProgram(process.execPath, [file('client-server.ts')], { CONCH_PROTOCOL: 'http' });
const { port: grpcPort } = await startProgram(process.execPath, [file('client-server.ts')], { CONCH_PROTOCOL: 'grpc' });

interface Contender {
  readonly name: string;
  readonly scheme: 'http' | 'grpc';
  run(job: Omit<ClientJob, 'client'>): Promise<Record<string, number>>;
}
const ours = (client: ClientJob['client']) => (job: Omit<ClientJob, 'client'>) =>
  runJson(process.execPath, [file('client-worker.ts'), JSON.stringify({ client, ...job })]);
const theirs = (job: Omit<ClientJob, 'client'>) =>
  runJson(python, [file('tritonclient/worker.py'), JSON.stringify(job)]);
const contenders: Contender[] = [
  { name: 'conch, HTTP', scheme: 'http', run: ours('conch') },
  { name: 'conch, gRPC', scheme: 'grpc', run: ours('conch') },
  { name: 'grpc-js', scheme: 'grpc', run: ours('grpc-js') },
];
if (existsSync(python)) {
  contenders.push({ name: 'tritonclient, HTTP', scheme: 'http', run: theirs });
  contenders.push({ name: 'tritonclient, gRPC', scheme: 'grpc', run: theirs });
} else console.error('without tritonclient (npm run fetch:clients)');

const loads = [
  { title: '10 numbers, 1 call at a time', model: 'sum', elements: 10, concurrency: 1 },
  { title: '10 numbers, 16 calls at once', model: 'sum', elements: 10, concurrency: 16 },
  { title: '4 MB there and back, 1 call at a time', model: 'echo', elements: 1_000_000, concurrency: 1 },
] as const;
const rows: string[][] = [['load', 'client', "client's CPU a call", 'CPU / conch, HTTP (range)', 'p50', 'calls/s']];
const before = loadavg()[0]!;
try {
  for (const { title, ...load } of loads) {
    const results = new Map<string, Record<string, number>[]>(contenders.map(({ name }) => [name, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const { name, scheme, run } of contenders) {
        const url = `${scheme}://127.0.0.1:${scheme === 'http' ? port : grpcPort}`;
        results.get(name)!.push(await run({ ...load, url, warmupMs: 1000, ms: Number(values.seconds) * 1000 }));
      }
    }
    const of = (name: string, key: string) => results.get(name)!.map((result) => result[key]!);
    for (const { name } of contenders) {
      const cpu = of(name, 'cpu');
      const base = of('conch, HTTP', 'cpu');
      const ratios = cpu.map((one, round) => one / base[round]!);
      const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
      const format = (value: number) => (value < 10_000 ? `${value.toFixed(0)} µs` : `${(value / 1000).toFixed(1)} ms`);
      rows.push([
        title,
        name,
        format(median(cpu)),
        `${median(ratios).toFixed(2)} (${range})`,
        format(median(of(name, 'p50'))),
        median(of(name, 'callsPerSecond')).toFixed(0),
      ]);
      console.log(rows.at(-1)!.join(' | '));
    }
  }
} finally {
  await stopPrograms();
}
const machine = `${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.version}`;
const busy = `Load average ${before.toFixed(1)} before and ${loadavg()[0]!.toFixed(1)} after: above the number of cores, other work had its share, which stretches p50 and calls/s (not to be compared between rows then) far more than processor time a call.`;
const note = `Medians of ${values.rounds} rounds of ${values.seconds} s, the clients in turns, each in a process of its own, over a server with next to no work; the ratio is the median of the rounds' ratios, with the lowest and highest: where that range holds 1.00, this run does not tell the two apart. \`grpc-js\`: with protobuf messages by \`@grpc/proto-loader\`, as Triton's JavaScript example; \`@mgcrea/triton-client\`, which wraps the same two, was not in the registry. ${busy} ${machine}.`;
const markdown = `${table(rows)}\n\n${note}`;
console.log(markdown);
if (values.write) await writeSection('client', 'Client', markdown);
