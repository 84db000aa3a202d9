import { toConchError } from '../../../base/index.ts';
import type { InferenceRequest, InferenceResponse } from '../../../protocol/index.ts';
import type { Done, Sender } from '../load-loops.ts';

export interface InProcessOptions {
  readonly requests: readonly InferenceRequest[];
  readonly infer: (request: InferenceRequest) => Promise<InferenceResponse>;
  readonly now: () => number;
  readonly explain: (failure: string, words: string) => void;
}

/** Requests to an engine in this process: what a model costs without any protocol. */
export class InProcessSender implements Sender {
  readonly #options: InProcessOptions;

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  send(index: number, done: Done): void {
    const { requests, infer, now, explain } = this.#options;
    const sentAt = now();
    infer(requests[index % requests.length]!).then(
      () => done(sentAt, undefined),
      (thrown) => {
        const { code, message } = toConchError(thrown);
        explain(code, message);
        done(sentAt, code);
      },
    );
  }

  close(): void {}
}
