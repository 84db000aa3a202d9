import { type Agent, request } from 'node:http';
import type { GrpcClient, Outcome as GrpcOutcome } from '../grpc-client.ts';

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** The ways to the server, shared by all clients. */
export interface Target {
  readonly agent: Agent;
  readonly port: number;
  readonly grpc: GrpcClient;
}

/** What may be said instead of an answer while models reload and their processes die, by HTTP status. */
const properErrors = new Set([400, 404, 429, 499, 500, 503]);
/** The same by gRPC status: INVALID_ARGUMENT, NOT_FOUND, INTERNAL, UNAVAILABLE. */
const properCodes = new Set([3, 5, 13, 14]);

/** What one request came to: `ok`, a proper error's status, or `gone` when the client itself hung up. */
export type Outcome = 'ok' | 'gone' | `${number}` | `gRPC ${number}`;

/** One kind of request: sends it, checks the answer to the last digit, and throws when that is wrong. */
export type Sender = (target: Target, random: () => number) => Promise<Outcome>;

export function post({ agent, port }: Target, path: string, body: string, signal?: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent, port, host: '127.0.0.1', path, method: 'POST', ...(signal && { signal }) },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.setHeader('Content-Type', 'application/json');
    sent.end(body);
  });
}

/** `ok` when `check` finds the answer right; a proper error counts as its status; everything else throws. */
export function judge({ status, text }: Reply, check: (body: Record<string, never>) => boolean): Outcome {
  const body = JSON.parse(text);
  if (status === 200) {
    if (check(body)) return 'ok';
    throw new Error(`wrong answer: ${text.slice(0, 300)}`);
  }
  if (properErrors.has(status) && typeof body.error === 'string' && body.error.length > 0) return `${status}`;
  throw new Error(`no proper error: ${status} ${text.slice(0, 300)}`);
}

/** The same for a gRPC call that may have failed; its answer is checked elsewhere. */
export function judgeCode({ code, details }: Pick<GrpcOutcome, 'code' | 'details'>): Outcome {
  if (code === 0) return 'ok';
  if (properCodes.has(code) && details.length > 0) return `gRPC ${code}`;
  throw new Error(`no proper error: gRPC ${code} ${details.slice(0, 300)}`);
}

export const firstOutput = (body: { outputs?: { data: number[] }[] }): number[] => body.outputs?.[0]?.data ?? [];
export const same = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((value, index) => value === right[index]);
/** Small whole numbers, so that sums in FP32 are exact. */
export const numbers = (count: number, random: () => number): number[] =>
  Array.from({ length: count }, () => Math.floor(random() * 1000));

export type Inputs = readonly (readonly [name: string, type: string, data: readonly number[]])[];

export function infer(model: string, inputs: Inputs, rows: number, parameters: object = {}) {
  const described = inputs.map(([name, datatype, data]) => ({
    name,
    datatype,
    shape: [rows, data.length / rows],
    data,
  }));
  return {
    path: `/v2/models/${model}/infer`,
    body: JSON.stringify({ id: `${rows}`, inputs: described, parameters }),
  };
}
