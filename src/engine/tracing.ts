import type { RequestTrace } from '../protocol/index.ts';
import type { AdmittedRequest, Outcome } from './request.ts';
import type { ServedVersion } from './version.ts';

/** A traced request has been taken: at `arrivedAt` (the clock's milliseconds) it enters the queue. */
export function traceAdmission(
  trace: RequestTrace,
  { name, version }: ServedVersion,
  { inputs }: AdmittedRequest,
  arrivedAt: number,
): void {
  trace.begin(name, version);
  trace.stamp('REQUEST_START', arrivedAt * 1e6);
  trace.stamp('QUEUE_START', arrivedAt * 1e6);
  for (const input of inputs) trace.tensor('TENSOR_QUEUE_INPUT', input);
}

/**
 * A traced request has its answer. When each part of its way began follows from how long each took; an ensemble computes
 * nothing itself, its steps have traces of their own.
 */
export function traceOutcome(
  trace: RequestTrace,
  { config }: ServedVersion,
  { outputs, durations }: Outcome,
  arrivedAt: number,
): void {
  for (const output of outputs) trace.tensor('TENSOR_BACKEND_OUTPUT', output);
  if (config.platform === 'ensemble') return;
  const { queue, computeInput, computeInfer, computeOutput } = durations;
  let at = arrivedAt * 1e6 + queue;
  trace.stamp('COMPUTE_START', at);
  at += computeInput;
  trace.stamp('COMPUTE_INPUT_END', at);
  at += computeInfer;
  trace.stamp('COMPUTE_OUTPUT_START', at);
  trace.stamp('COMPUTE_END', at + computeOutput);
}
