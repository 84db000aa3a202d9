import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { machineTicks, parseAllowed, parseMachineTicks, shareOfOthers } from './machine-time.ts';
import { parseGpuProcesses, parseGpus, readGpus } from './nvidia-smi.ts';
import { parseStat, readTree } from './process-tree.ts';

const proc = mkdtempSync(join(tmpdir(), 'conch-proc-'));
afterAll(() => rmSync(proc, { recursive: true }));

const stat = (pid: number, parent: number, name: string, ticks: readonly number[]) =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194304 1 0 0 0 ${ticks.join(' ')} 20 0 11 0 100 1000 200 18446744073709551615\n`;

function process(pid: number, parent: number, name: string, pss: number | undefined, ticks = [10, 5, 2, 1]) {
  mkdirSync(join(proc, `${pid}`));
  writeFileSync(join(proc, `${pid}`, 'stat'), stat(pid, parent, name, ticks));
  writeFileSync(join(proc, `${pid}`, 'status'), `Name:\t${name}\nVmRSS:\t    2000 kB\n`);
  if (pss !== undefined)
    writeFileSync(
      join(proc, `${pid}`, 'smaps_rollup'),
      `55 ---p [rollup]\nRss: 9 kB\nPss:    ${pss} kB\nPss_Dirty: 1 kB\n`,
    );
}

test('/proc/PID/stat is read past names with brackets and spaces', () => {
  expect(parseStat(stat(7, 3, 'a) S 9 (b', [1, 2, 3, 4]))).toEqual({ pid: 7, parent: 3, ticks: 10 });
  expect(parseStat('')).toBeUndefined();
  expect(parseStat('nonsense')).toBeUndefined();
});

test('a tree is its root and all below, and nobody else', () => {
  process(100, 1, 'server', 1000);
  process(101, 100, 'python', 200);
  process(102, 101, 'worker', 50);
  process(200, 1, 'other', 5000);
  expect(readTree(100, proc)).toEqual({ processes: 3, cpuSeconds: 0.54, pssBytes: 1250 * 1024, rssBytes: 6000 * 1024 });
  expect(readTree(999, proc)).toBeUndefined();
  expect(readTree(1, join(proc, 'none'))).toBeUndefined();
  process(103, 100, 'not ours', undefined);
  expect(readTree(100, proc)).toMatchObject({ processes: 4, pssBytes: undefined });
});

test('what others had of the machine is what was busy beyond the server and the load generator', () => {
  const before = parseMachineTicks('cpu  100 0 50 800 10 0 5 0 0 0\ncpu0 1 2 3 4 5 6 7 8\n')!;
  const after = parseMachineTicks('cpu  250 0 80 900 10 0 25 0 0 0\n')!;
  expect(before).toEqual({ busy: 150, all: 965 });
  // 180 ticks busy of 300; 1.4 s of them are ours.
  expect(shareOfOthers(before, after, 1.4)).toBeCloseTo(40 / 300);
  expect(shareOfOthers(before, after, 5)).toBe(0);
  expect(shareOfOthers(before, before, 0)).toBe(0);
  expect(parseMachineTicks('nothing')).toBeUndefined();
  expect(machineTicks(join(proc, 'none'))).toBeUndefined();
});

test('of a machine that it may run on in part, only those processors count', () => {
  mkdirSync(join(proc, 'self'));
  writeFileSync(join(proc, 'self/status'), 'Name:\tnode\nCpus_allowed:\t0e\nCpus_allowed_list:\t1-2,4\n');
  const lines = [0, 1, 2, 3, 4].map((at) => `cpu${at} ${10 ** at} 0 0 5 0 0 0 0 0 0\n`);
  writeFileSync(join(proc, 'stat'), `cpu  11111 0 0 25 0 0 0 0 0 0\n${lines.join('')}intr 5\n`);
  expect(machineTicks(proc)).toEqual({ busy: 10110, all: 10125 });
  expect(parseAllowed('Cpus_allowed_list:\t7\n')).toEqual(new Set([7]));
  expect(parseAllowed('Name:\tnode\n')).toBeUndefined();
});

// Recorded on an H100 (driver 580.159.04): idle, with a CUDA context, and with 4 GiB allocated in it.
const idle = '0, NVIDIA H100 80GB HBM3, 0, 81559, 0\n';
const context = '0, NVIDIA H100 80GB HBM3, 527, 81559, 0\n';
const allocated = '0, NVIDIA H100 80GB HBM3, 4623, 81559, 0\n';
const holder = '666, GPU-ee48c6c4-3c88-0f9a-26ad-259e5684588f, 4614\n';

test('nvidia-smi is read as it was recorded', () => {
  const mebibyte = 1024 * 1024;
  const used = [idle, context, allocated].map((text) => parseGpus(text)[0]!.usedBytes / mebibyte);
  expect(used).toEqual([0, 527, 527 + 4096]);
  expect(parseGpus(allocated)).toEqual([
    {
      index: 0,
      name: 'NVIDIA H100 80GB HBM3',
      usedBytes: 4623 * mebibyte,
      totalBytes: 81559 * mebibyte,
      utilization: 0,
    },
  ]);
  const gpu = 'GPU-ee48c6c4-3c88-0f9a-26ad-259e5684588f';
  expect(parseGpuProcesses(holder)).toEqual([{ pid: 666, gpu, usedBytes: 4614 * mebibyte }]);
  expect(parseGpuProcesses('')).toEqual([]);
  expect(parseGpus('Field "nonsense" is not a valid field to query.\n\n')).toEqual([]);
});

test('what a driver does not tell, as under MIG, is left out', () => {
  expect(parseGpus('1, NVIDIA A100-SXM4-40GB, 30, 40960, [N/A]\n')).toMatchObject([
    { index: 1, utilization: undefined },
  ]);
  expect(parseGpus('1, NVIDIA A100-SXM4-40GB, [N/A], 40960, 3\nNo devices were found\n')).toEqual([]);
  expect(parseGpuProcesses('4243, GPU-2e1f, [N/A]\n')).toMatchObject([{ pid: 4243, usedBytes: undefined }]);
});

test('without nvidia-smi there is nothing to tell', async () => {
  expect(await readGpus(join(proc, 'no-such-program'))).toBeUndefined();
});
