import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelConfig } from '../../config/index.ts';
import type { BenchOptions, InstancesServer, Load, RequestOptions } from '../../measure/index.ts';
import type { CommandInput } from '../command.ts';
import { requireRepository } from '../deployment.ts';
import type { Output } from '../output.ts';
import { writePage } from '../write-page.ts';
import { numbers } from './print.ts';

export interface InstancesContext {
  readonly model: string;
  readonly counts: readonly number[];
  readonly options: CommandInput['options'];
  readonly bench: Omit<BenchOptions, 'url' | 'requests'>;
  readonly requests: RequestOptions;
  readonly command: readonly string[];
  readonly signal: AbortSignal;
}

/** `conch bench <model> --instances 1,2,4,8`. */
export async function benchByInstances(context: InstancesContext, output: Output): Promise<number> {
  const { model, counts, options } = context;
  const memoryOnly = options.memory === true;
  const { benchInstances, instancesPage, instancesRows } = await import('../../measure/index.ts');
  const server = options.server === undefined ? await embedded(context) : await remote(context);
  try {
    const report = await benchInstances({ model, counts, server, memoryOnly, progress: output.progress });
    if (typeof options.html === 'string') await writePage(options.html, instancesPage(report));
    if (output.json) output.printJson(report);
    else {
      output.print(numbers(instancesRows(report)));
      output.print();
      output.print(output.colors.dim('linear: what as many copies of everything would take; ratio: to the first row'));
    }
    return 0;
  } finally {
    await server.close();
  }
}

type ClosableServer = InstancesServer & { close(): Promise<void> };

/**
 * Under load: twice as many clients as the most instances, so that none is idle, and as many at any number of them.
 * For memory alone one client an instance, so that each runs single requests, and memory is that of instances and not of
 * the batches that a load would form.
 */
function loadOf(
  { counts, options, bench }: InstancesContext,
  instances: number,
): Pick<BenchOptions, 'loads' | 'durationMs' | 'stability'> {
  const given = options.concurrency !== undefined || options.rate !== undefined;
  const memoryOnly = options.memory === true;
  const enough: Load = { kind: 'closed', concurrency: memoryOnly ? instances : 2 * Math.max(...counts) };
  const loads = given ? bench.loads.slice(0, 1) : [enough];
  const { durationMs = 30_000, stability = 0.05 } = bench;
  return memoryOnly
    ? { loads, durationMs: Math.min(durationMs, 3000), stability: 0 }
    : { loads, durationMs, stability };
}

/** A server process of its own for each number, over a copy of the repository. */
async function embedded(context: InstancesContext): Promise<ClosableServer> {
  const { model, command, signal, options } = context;
  const root = await requireRepository(options.repository);
  const { openRepository } = await import('../../repository/index.ts');
  const { bench, copyModels, readConfigText, startServerProcess, withInstances, writeConfigText } = await import(
    '../../measure/index.ts'
  );
  const { models } = await openRepository(root);
  const steps = models.find(({ name }) => name === model)?.parsed?.config.ensemble_scheduling?.step ?? [];
  const names = [...new Set([model, ...steps.flatMap(({ model_name }) => model_name ?? [])])].filter((name) =>
    models.some((one) => one.name === name),
  );
  const work = await mkdtemp(join(tmpdir(), 'conch-instances-'));
  await copyModels(root, names, work);
  let running: Awaited<ReturnType<typeof startServerProcess>> | undefined;
  const flags = ['--model-control-mode=explicit', `--load-model=${model}`];
  return {
    async apply(instances) {
      await running?.close();
      // Of an ensemble every step gets as many.
      for (const name of names)
        await writeConfigText(work, name, withInstances(await readConfigText(root, name), instances));
      running = await startServerProcess({ command, repository: work, flags, signal });
      return { readyMs: running.readyMs };
    },
    measure: (instances) => {
      const url = options.protocol === 'grpc' ? running!.grpcUrl : running!.url;
      return bench({
        ...context.bench,
        ...loadOf(context, instances),
        requests: context.requests,
        url,
        pid: running!.pid,
        signal,
      });
    },
    async close() {
      await running?.close();
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** A running server in explicit model control, which loads the model anew with each number. */
async function remote(context: InstancesContext): Promise<ClosableServer> {
  const { model, options, signal } = context;
  const url = options.server as string;
  const { bench, loadModel, unloadModel, withInstances } = await import('../../measure/index.ts');
  const { connect } = await import('../../client/index.ts');
  const { parseConfig, printConfig } = await import('../../config/index.ts');
  const control = { url, headers: context.bench.headers ?? {}, signal };
  const client = connect(url, { headers: control.headers });
  let config: ModelConfig;
  try {
    config = await client.modelConfig(model, undefined, signal);
  } finally {
    await client.close();
  }
  return {
    empty: () => unloadModel(model, control),
    async apply(instances) {
      const started = performance.now();
      await loadModel(model, parseConfig(withInstances(printConfig(config), instances)).config, control);
      return { readyMs: performance.now() - started };
    },
    measure: (instances) => {
      const pid = options.pid as number | undefined;
      return bench({ ...context.bench, ...loadOf(context, instances), requests: context.requests, url, pid, signal });
    },
    // In so many words: Triton does nothing on a plain load while the files are as they were.
    close: () => loadModel(model, config, { url, headers: control.headers }),
  };
}
