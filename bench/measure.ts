import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** This process's peak resident memory in bytes (VmHWM: ru_maxrss would carry the parent's over exec). Linux only. */
export function peakMemory(): number {
  const line = readFileSync('/proc/self/status', 'utf8').match(/^VmHWM:\s+(\d+) kB$/m);
  return 1024 * Number(line![1]);
}

/** Processor microseconds that a process has used. Linux only. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Runs a program and parses the last line that it prints as JSON; rejects with its error output when it fails. */
export function runJson(command: string, args: readonly string[]): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let errors = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      errors = (errors + text).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out.trim().split('\n').at(-1)!));
      else reject(new Error(errors.trim() || `${command} ended with ${code}`));
    });
  });
}

/** Peak memory of a Node process that does nothing. */
export async function bareNode(): Promise<number> {
  const code = `import(${JSON.stringify(import.meta.url)}).then((m) => console.log(JSON.stringify({ peakBytes: m.peakMemory() })))`;
  return (await runJson(process.execPath, ['-e', code])).peakBytes!;
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
