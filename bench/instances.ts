/**
 * Case 3 on the embedded server: memory of a BERT-base with 1, 2, 4 and 8 instances, by `conch bench --instances --memory`
 * itself. `node bench/instances.ts [--html FILE] [--write]`; --write puts the table into docs/benchmarks.md. Linux only.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conch } from '../src/cli/testing.ts';
import { type InstancesReport, instancesRows } from '../src/measure/index.ts';
import { bertRepository, compileBert } from './bert-repository.ts';
import { table, writeSection } from './report.ts';

const { values } = parseArgs({
  options: { html: { type: 'string' }, write: { type: 'boolean', default: false } },
});
const work = await mkdtemp(join(tmpdir(), 'conch-bench-instances-'));
process.env.CONCH_CACHE = join(work, 'cache');
try {
  const group =
    'instance_group { count: 1 kind: KIND_CPU }\nparameters { key: "conch.shared_weights" value { string_value: "1" } }';
  const repository = await bertRepository(await compileBert(work), join(work, 'models'), group);
  const argv = ['bench', 'bert', '--repository', repository, '--memory', '--lengths', 'fixed:128', '--quiet', '--json'];
  // The first run fills the cache of packed weights.
  await conch(...argv, '--instances', '1');
  const { code, out, err } = await conch(
    ...argv,
    '--instances',
    '1,2,4,8',
    ...(values.html ? ['--html', values.html] : []),
  );
  if (code !== 0) throw new Error(err);
  const report = JSON.parse(out) as InstancesReport;
  const text = `${table(instancesRows(report))}\n\n\`conch bench bert --instances 1,2,4,8 --memory --lengths fixed:128\`: BERT-base in FP32, one client an instance. ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('instances', 'Memory and instances', text);
} finally {
  await rm(work, { recursive: true, force: true });
}
