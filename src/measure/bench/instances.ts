import { formatBytes, type Progress, silentProgress, tableHtml, track } from '../../base/index.ts';
import { milliseconds, rate } from './format.ts';
import { readGpus } from './nvidia-smi.ts';
import { type Plot, page, plotSvg } from './plot.ts';
import type { BenchReport } from './report.ts';

/** A model with so many instances. */
export interface InstancesRow {
  readonly instances: number;
  /** From starting, or from the request to load, to being ready. */
  readonly readyMs: number;
  /** Proportional set size of the server's process tree after every instance has run. */
  readonly pssBytes: number | undefined;
  /** Memory in use on all GPUs beyond what was in use without the model. */
  readonly gpuBytes: number | undefined;
  readonly throughput: number | undefined;
  readonly p99: number | undefined;
}

export interface InstancesReport {
  readonly model: string;
  readonly server: BenchReport['server'] | undefined;
  readonly machine: BenchReport['machine'] | undefined;
  /** Whether throughput was measured, or memory alone. */
  readonly memoryOnly: boolean;
  readonly rows: readonly InstancesRow[];
}

/** A server that is given numbers of instances, one after the other. */
export interface InstancesServer {
  /** Ready with so many instances of the model. */
  apply(instances: number): Promise<{ readonly readyMs: number }>;
  /** Puts it under load and measures. */
  measure(instances: number): Promise<BenchReport>;
  /** Takes the model off the server, where it can: what GPUs hold then is not the model's. */
  empty?(): Promise<void>;
}

export interface InstancesOptions {
  readonly model: string;
  readonly counts: readonly number[];
  readonly server: InstancesServer;
  readonly memoryOnly: boolean;
  readonly gpus?: typeof readGpus;
  readonly progress?: Progress;
}

/** Measures what further instances of a model cost in memory, and what they bring. */
export async function benchInstances(options: InstancesOptions): Promise<InstancesReport> {
  const { model, counts, server, memoryOnly, gpus = readGpus, progress = silentProgress } = options;
  const used = async () => (await gpus())?.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  await server.empty?.();
  const before = await used();
  const rows: InstancesRow[] = [];
  let last: BenchReport | undefined;
  for (const instances of counts) {
    const title = `${model}, ${instances} ${instances === 1 ? 'instance' : 'instances'}`;
    const row = await track(
      progress,
      title,
      async (): Promise<InstancesRow> => {
        const { readyMs } = await server.apply(instances);
        last = await server.measure(instances);
        const [point] = last.points;
        const after = await used();
        return {
          instances,
          readyMs,
          pssBytes: point?.resources.pssBytes,
          gpuBytes: before === undefined || after === undefined ? undefined : Math.max(0, after - before),
          throughput: memoryOnly ? undefined : point?.throughput.value,
          p99: memoryOnly ? undefined : point?.latency?.p99.value,
        };
      },
      ({ pssBytes, gpuBytes }) =>
        [pssBytes, gpuBytes].flatMap((bytes) => (bytes === undefined ? [] : [formatBytes(bytes)])).join(', GPU '),
    );
    rows.push(row);
  }
  return { model, server: last?.server, machine: last?.machine, memoryOnly, rows };
}

/** A head and a row for each number: memory, its ratio to the first row's, and what copies in proportion would take. */
export function instancesRows({ rows, memoryOnly }: InstancesReport): string[][] {
  const [first] = rows;
  const gpu = rows.some(({ gpuBytes }) => gpuBytes !== undefined && gpuBytes > 0);
  const pss = rows.some(({ pssBytes }) => pssBytes !== undefined);
  const head = [
    'instances',
    ...(pss ? ['memory (PSS)', 'ratio', 'linear'] : []),
    ...(gpu ? ['GPU memory', 'ratio', 'linear'] : []),
    'ready in',
    ...(memoryOnly ? [] : ['inferences/s', 'p99 ms']),
  ];
  const cells = (row: InstancesRow, field: 'pssBytes' | 'gpuBytes') => {
    const [bytes, one] = [row[field], first?.[field]];
    if (bytes === undefined || !one) return ['', '', ''];
    return [formatBytes(bytes), (bytes / one).toFixed(2), formatBytes(linear(row.instances, one, first!.instances))];
  };
  return [
    head,
    ...rows.map((row) => [
      String(row.instances),
      ...(pss ? cells(row, 'pssBytes') : []),
      ...(gpu ? cells(row, 'gpuBytes') : []),
      `${(row.readyMs / 1000).toFixed(2)} s`,
      ...(memoryOnly
        ? []
        : [
            row.throughput === undefined ? '' : rate(row.throughput),
            row.p99 === undefined ? '' : milliseconds(row.p99),
          ]),
    ]),
  ];
}

/** What so many copies of everything would take. */
function linear(instances: number, bytes: number, of: number): number {
  return (bytes * instances) / of;
}

/** The report as a page: memory against instances, with the line of memory in proportion beside it. */
export function instancesPage(report: InstancesReport): string {
  const { rows, model, server, machine, memoryOnly } = report;
  const ticks = rows.map(({ instances }) => ({ at: instances, label: String(instances) }));
  const memory = (field: 'pssBytes' | 'gpuBytes', title: string): Plot[] => {
    const known = rows.filter((row) => row[field] !== undefined && row[field] > 0);
    const [first] = known;
    if (!first) return [];
    return [
      {
        ...{ title, x: 'instances', y: 'MB', ticks },
        lines: [
          { name: 'measured', points: known.map((row) => [row.instances, row[field]! / 1e6] as const) },
          {
            name: 'in proportion to the first',
            dashed: true,
            points: known.map(
              ({ instances }) => [instances, linear(instances, first[field]!, first.instances) / 1e6] as const,
            ),
          },
        ],
      },
    ];
  };
  const plots = [
    ...memory('pssBytes', "Memory of the server's processes (PSS)"),
    ...memory('gpuBytes', 'GPU memory beyond what was in use without the model'),
    ...(memoryOnly
      ? []
      : [
          {
            ...{ title: 'Throughput', x: 'instances', y: 'inferences a second', ticks },
            lines: [
              { name: 'throughput', points: rows.map((row) => [row.instances, row.throughput ?? Number.NaN] as const) },
            ],
          },
        ]),
  ];
  const where = [
    ...(server ? [`${server.name} ${server.version} at ${server.url}`] : []),
    ...(machine ? [`${machine.processor}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}`] : []),
  ];
  const body = `<p>${where.map((line) => line.replace(/[<>&]/g, ' ')).join('<br>')}</p>${tableHtml(instancesRows(report))}<div class="plots">${plots.map(plotSvg).join('')}</div>`;
  return page(`${model}: memory and instances`, body);
}
