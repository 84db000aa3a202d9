import { setTimeout as sleep } from 'node:timers/promises';
import type { InferenceClient } from '../../client/index.ts';

/** Between two questions: short at first, since small models load in a moment. */
const firstPauseMs = 50;
const longestPauseMs = 1000;

/** Resolves when the server behind `client` is ready; rejects with the signal's reason when it is aborted. */
export async function untilReady(client: Pick<InferenceClient, 'isReady'>, signal: AbortSignal): Promise<void> {
  for (let pause = firstPauseMs; ; pause = Math.min(2 * pause, longestPauseMs)) {
    signal.throwIfAborted();
    const asked = AbortSignal.any([signal, AbortSignal.timeout(5000)]);
    if (await client.isReady(asked).catch(() => false)) return;
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}
