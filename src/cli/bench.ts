import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConchError } from '../base/index.ts';
import type { BenchOptions, BenchReport } from '../measure/index.ts';
import {
  clientOptions,
  instanceCounts,
  limitOptions,
  limitsFrom,
  loadOptions,
  loadsFrom,
  millisecondsOf,
  requestOptions,
  requestsFrom,
  shareOf,
} from './bench/options.ts';
import { printBench } from './bench/print.ts';
import { benchServer } from './bench/server.ts';
import type { Command, CommandInput } from './command.ts';
import type { Output } from './output.ts';
import { writePage } from './write-page.ts';

export const benchCommand: Command = {
  name: 'bench',
  summary: 'measure a served model under load: throughput, latencies with confidence intervals, memory',
  arguments: [{ usage: '<model>', summary: 'the model, or the ensemble that takes text' }],
  options: [
    ...clientOptions,
    ...loadOptions,
    ...requestOptions,
    ...limitOptions,
    {
      flags: '--instances <list>',
      summary: 'measure the model with so many instances each, e.g. 1,2,4,8: memory beside throughput',
      parse: instanceCounts,
    },
    { flags: '--memory', summary: 'with --instances: memory alone, which takes seconds' },
    { flags: '--html <file>', summary: 'also write a page with plots' },
  ],
  example: 'conch bench simple_net --repository models --concurrency 1,8 --duration 5s --p99 50ms',
  action: benchModel,
};

async function benchModel({ arguments: [model], options, signal }: CommandInput, output: Output): Promise<number> {
  if (options.server !== undefined && options.repository !== undefined) {
    throw new ConchError('USAGE', '--server and --repository exclude each other');
  }
  const { bench } = await import('../measure/index.ts');
  if (options.memory === true && options.instances === undefined) {
    throw new ConchError('USAGE', '--memory goes with --instances', {
      fix: 'conch bench finbert-model --instances 1,2,4,8 --memory',
    });
  }
  const requests = await requestsFrom(options);
  if (options.instances !== undefined) {
    const { benchByInstances } = await import('./bench/instances.ts');
    const context = { model: model as string, options, requests, command: conchCommand(), signal };
    const common = await benchOptions(context.model, options);
    return benchByInstances({ ...context, counts: options.instances as number[], bench: common }, output);
  }
  const server = await benchServer(options, conchCommand(), signal);
  let report: BenchReport;
  try {
    report = await bench({
      ...(await benchOptions(model as string, options)),
      ...server.options,
      requests: { ...requests, ...(await server.tokens(model as string)) },
      progress: output.progress,
      signal,
    });
  } finally {
    await server.close();
  }
  if (typeof options.html === 'string') {
    const { benchPage } = await import('../measure/index.ts');
    await writePage(options.html, benchPage(report));
  }
  if (output.json) output.printJson(report);
  else await printBench(report, output);
  return report.passed ? 0 : 1;
}

/** What `conch bench` and its kin take from the same flags. */
export async function benchOptions(
  model: string,
  options: CommandInput['options'],
): Promise<Omit<BenchOptions, 'url' | 'requests'>> {
  const headers = Object.fromEntries((options.header as [string, string][] | undefined) ?? []);
  return {
    model,
    loads: loadsFrom(options),
    headers,
    limits: limitsFrom(options),
    rampMs: millisecondsOf(options.ramp ?? 0),
    warmupMs: millisecondsOf(options.warmup),
    durationMs: millisecondsOf(options.duration),
    stability: shareOf(options.stability),
    loadThreads: options.loadThreads as number,
    timeoutMs: millisecondsOf(options.timeout),
    ...(options.metric !== undefined && { metric: options.metric as NonNullable<BenchOptions['metric']> }),
    ...(options.tensors !== undefined && { tensors: options.tensors as 'binary' | 'json' }),
  };
}

/** This conch as a program: from a checkout its source, in the published package the built file. */
export function conchCommand(): string[] {
  return [process.execPath, fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))];
}
