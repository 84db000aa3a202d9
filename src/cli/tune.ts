import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ConchError, cacheDirectory } from '../base/index.ts';
import type { Goal, Setting, TuneReport } from '../measure/index.ts';
import { clientOptions, duration, loadOptions, millisecondsOf, requestOptions, requestsFrom } from './bench/options.ts';
import { numbers } from './bench/print.ts';
import { benchOptions, conchCommand } from './bench.ts';
import type { Command, CommandInput } from './command.ts';
import { fileOption } from './deployment.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { applyOrShow } from './tune/apply.ts';
import { bytes, settings, settingValues } from './tune/options.ts';
import { embeddedSubject, remoteSubject, type Subject } from './tune/subject.ts';
import { positiveInteger, positiveNumber } from './values.ts';

const shared = new Set(['--server', '--repository', '--tensors', '--load-threads', '--timeout', '--header', '--pid']);
const loads = new Set(['--concurrency', '--rate', '--arrivals']);
const flagOf = ({ flags }: { flags: string }) => /--[a-z-]+/.exec(flags)![0];

export const tuneCommand: Command = {
  name: 'tune',
  summary: 'search the settings of a model for the best throughput or latency, measuring as few as it can',
  arguments: [{ usage: '<model>', summary: 'the model; of an ensemble the settings of its steps' }],
  options: [
    {
      flags: '--objective <name>',
      summary: 'what is to be best',
      choices: ['throughput', 'latency'],
      default: 'throughput',
    },
    { flags: '--p99 <time>', summary: 'bound on p99, e.g. 50ms', parse: duration },
    { flags: '--memory <bytes>', summary: "bound on the server's memory (PSS), e.g. 2GB", parse: bytes },
    { flags: '--gpu-memory <bytes>', summary: 'bound on GPU memory instead', parse: bytes },
    {
      flags: '--min-throughput <n>',
      summary: 'bound on inferences a second, for --objective latency',
      parse: positiveNumber,
    },
    { flags: '--budget <time>', summary: 'longest search', parse: duration, default: '10m' },
    {
      flags: '--measurements <n>',
      summary: 'measurements at most (default: a tenth of the configurations)',
      parse: positiveInteger,
    },
    {
      flags: '--precision <list>',
      summary: 'also try these precisions; one that misses the accuracy gate is left out',
      parse: (text) => text.split(',').filter(Boolean),
    },
    {
      flags: '--fix <list>',
      summary: 'settings to leave as they are: instances, threads, max_batch_size, ...',
      parse: settings,
    },
    { flags: '--values <setting=list>', summary: 'values to try: instances=1,2,3', many: true, parse: settingValues },
    {
      flags: '--apply',
      summary: 'write the result into the deployment file, or else into config.pbtxt; without it the change is shown',
    },
    {
      flags: '--journal <file>',
      summary: "where measurements are kept, for going on later (default: in the platform's cache folder)",
    },
    ...clientOptions.filter((option) => shared.has(flagOf(option))),
    ...loadOptions.filter((option) => loads.has(flagOf(option))),
    {
      flags: '--warmup <time>',
      summary: 'before each measurement: a server that has just started compiles its own code for seconds',
      parse: duration,
      default: '2s',
    },
    { flags: '--duration <time>', summary: 'of each measurement', parse: duration, default: '2s' },
    ...requestOptions,
    fileOption,
  ],
  example: 'conch tune simple_net --repository models --p99 50ms --memory 2GB --budget 2m',
  action: tuneModel,
};

async function tuneModel({ arguments: [name], options, signal }: CommandInput, output: Output): Promise<number> {
  if (options.server !== undefined && options.repository !== undefined) {
    throw new ConchError('USAGE', '--server and --repository exclude each other');
  }
  const model = name as string;
  const requests = await requestsFrom(options);
  const { tune } = await import('../measure/index.ts');
  const search = {
    cores: availableParallelism(),
    fixed: (options.fix as readonly Setting[] | undefined) ?? [],
    values: Object.fromEntries((options.values as [Setting, (string | number | undefined)[]][] | undefined) ?? []),
  };
  const context = { model, options, search, command: conchCommand(), signal, output };
  const subject: Subject = options.server === undefined ? await embeddedSubject(context) : await remoteSubject(context);
  try {
    const { bench, goal } = await wanted(model, options);
    const report = await tune({
      ...{ model, goal, space: subject.space, server: subject.server, subject: subject.content, notes: subject.notes },
      bench: { ...bench, requests: { ...requests, ...(await subject.tokens()) } },
      budgetMs: millisecondsOf(options.budget),
      ...(options.measurements !== undefined && { measurements: options.measurements as number }),
      seed: options.seed as number,
      journal: (options.journal as string | undefined) ?? join(cacheDirectory(), 'tune', `${model}.jsonl`),
      progress: output.progress,
      signal,
    });
    const change = report.winner ? await applyOrShow(subject, report, options.apply === true) : undefined;
    if (output.json) output.printJson({ ...report, change });
    else await print(report, change, output);
    return report.winner ? 0 : 1;
  } finally {
    await subject.close();
  }
}

async function wanted(model: string, options: CommandInput['options']) {
  const stated = await benchOptions(model, { ...options, p99: undefined, minThroughput: undefined, stability: 0 });
  const given = options.concurrency !== undefined || options.rate !== undefined;
  const bench = { ...stated, ...(!given && { loads: [{ kind: 'closed', concurrency: 16 } as const] }) };
  const memory = (options.gpuMemory ?? options.memory) as number | undefined;
  const goal: Goal = {
    objective: options.objective as Goal['objective'],
    ...(options.p99 !== undefined && { p99: millisecondsOf(options.p99) }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(options.gpuMemory !== undefined && { gpu: true }),
    ...(options.minThroughput !== undefined && { minThroughput: options.minThroughput as number }),
  };
  return { bench, goal };
}

async function print(report: TuneReport, change: Awaited<ReturnType<typeof applyOrShow>> | undefined, output: Output) {
  const { paretoRows, reasonRows, verdict } = await import('../measure/index.ts');
  const { bold, dim, green, red } = output.colors;
  output.print(numbers(paretoRows(report)));
  const reasons = reasonRows(report);
  if (reasons) output.print(`\n${table(reasons[0]!, reasons.slice(1))}`);
  const [first, ...rest] = verdict(report);
  output.print(`\n${bold(first!)}`);
  for (const line of rest) output.print(dim(line));
  if (!change || change.diff === '') return;
  output.print();
  for (const line of change.diff.trimEnd().split('\n')) {
    output.print(line.startsWith('+') ? green(line) : line.startsWith('-') ? red(line) : line);
  }
  output.print();
  for (const line of change.next) output.print(line);
}
