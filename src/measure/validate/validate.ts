import { ConchError, type Progress, silentProgress, toConchError, track } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { InferenceResponse } from '../../protocol/index.ts';
import { Collector, type Outcome } from './collector.ts';
import { compareOutputs, failedComparison } from './compare.ts';
import { inOrder } from './in-order.ts';
import { type Reference, readReferences } from './reference.ts';
import type { ValidationReport } from './report.ts';
import { describeSubject, learnLabels } from './subject.ts';

export interface ValidateOptions {
  readonly client: InferenceClient;
  readonly model: string;
  readonly version?: string;
  /** Path of the reference: one JSON object a line, `{"text", "logits", "label"?}` or `{"inputs", "outputs", "label"?}`. */
  readonly expect: string;
  /** Largest absolute error that passes; 1e-4 unless told otherwise. */
  readonly tolerance?: number;
  /** Requests in flight; 8 unless told otherwise. */
  readonly concurrency?: number;
  /** Class labels in the order of the logits; asked of the server where not given. */
  readonly labels?: readonly string[];
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Runs every line of a reference file through the served model and compares the outputs. Lines are read and asked as
 * they come, with at most `concurrency` in flight; the report does not depend on the order of the answers.
 * @throws FILE_NOT_FOUND and FILE_INVALID for the reference (naming file and line), MODEL_NOT_FOUND, SERVER_UNREACHABLE,
 * USAGE. A request that the server refuses or fails at is no error but a missed line.
 */
export async function validate(options: ValidateOptions): Promise<ValidationReport> {
  const { model, tolerance = 1e-4, concurrency = 8, progress = silentProgress } = options;
  if (!(tolerance >= 0 && Number.isFinite(tolerance))) {
    throw new ConchError('USAGE', `tolerance: expected a number of at least 0, got ${tolerance}`);
  }
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new ConchError('USAGE', `concurrency: expected a positive integer, got ${concurrency}`);
  }
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const describe = ({ passed, count, missed }: ValidationReport) =>
    passed ? `${count} lines as expected` : `${missed} of ${count} lines missed`;
  const work = async (task: { update(fraction: number, detail: string): void }): Promise<ValidationReport> => {
    const started = performance.now();
    const { client, expect: file, version } = options;
    const subject = await describeSubject(client, model, version, signal);
    const collector = new Collector(file);
    let labels = options.labels;
    let answeredBy = subject.version;

    const run = async (reference: Reference): Promise<Outcome> => {
      const { inputs, outputs } = subject.prepare(reference, file);
      const names = [...outputs.keys()].map((name) => ({ name }));
      let response: InferenceResponse;
      try {
        response = await client.infer({ model, version, inputs, outputs: names, signal });
      } catch (thrown) {
        const error = toConchError(thrown);
        if (endsTheRun(error)) throw thrown;
        return { reference, inputs, comparison: failedComparison(error.message) };
      }
      answeredBy = response.version || answeredBy;
      const classOutput = reference.kind === 'text' ? subject.classOutput : subject.labelledOutput;
      const settings = { tolerance, file, classOutput, batched: subject.batched };
      return { reference, inputs, comparison: compareOutputs(reference.line, outputs, response, settings) };
    };

    for await (const outcome of inOrder(readReferences(file), concurrency, run)) {
      const { classes } = outcome.comparison;
      if (classes && !collector.hasLabels) {
        labels ??= await learnLabels(client, subject, outcome.inputs, classes.got.length, signal);
        collector.useLabels(labels, classes.got.length);
      }
      collector.add(outcome);
      task.update(outcome.reference.fraction, `${collector.count} lines`);
    }
    const milliseconds = performance.now() - started;
    return collector.report({ model, version: answeredBy, server: client.url, tolerance, milliseconds });
  };
  try {
    return await track(progress, `validate ${model}`, work, describe);
  } finally {
    stop.abort();
  }
}

/** Whether an error of one request says that no further one can be answered either. */
function endsTheRun({ code, status }: ConchError): boolean {
  if (code !== 'SERVER_ERROR') return true;
  return status === 'NOT_FOUND' || status === 'UNAVAILABLE' || status === 'CANCELLED';
}
