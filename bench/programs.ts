import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Load, LoadResult } from './load.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const children: ChildProcess[] = [];

/** Starts a program and waits for the line that ends with its port. */
export async function startProgram(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(command, args, { cwd: root, stdio: [...stdio], env: { ...process.env, ...env } });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const port = /^(?:serving .*:|proxy at http:\/\/[^:]+:)?(\d+)\b/.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode}`);
}

/** conch's own command, by this Node, e.g. `startConch('serve', folder)`. */
export function startConch(args: readonly string[], node: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  return startProgram(process.execPath, [...node, 'src/main.ts', ...args], env);
}

/** Ends all that was started. */
export async function stopPrograms(): Promise<void> {
  const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(running.map((child) => once(child, 'exit')));
}

/** Drives a server by a process of its own (bench/load.ts). */
export async function drive(load: Load): Promise<LoadResult> {
  const file = fileURLToPath(new URL('load.ts', import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(load));
  let text = '';
  for await (const piece of child.stdout) text += piece;
  return JSON.parse(text) as LoadResult;
}

/** A whole HTTP request with a JSON body. */
export function jsonRequest(path: string, body: unknown): Buffer {
  const text = JSON.stringify(body);
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

export const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
