import type { ServerResponse } from 'node:http';
import { ConchError } from '../base/index.ts';

/**
 * Runs `work` with a signal that aborts after `timeoutMs`, or with `parent`. Settles at that moment even if `work`
 * ignores the signal.
 * @throws DEADLINE_EXCEEDED or the parent's reason, besides what `work` throws.
 */
export async function within<T>(
  timeoutMs: number,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent?.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => {
    controller.abort(new ConchError('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  timer.unref();
  const onParent = () => controller.abort(parent!.reason);
  parent?.addEventListener('abort', onParent);
  try {
    return await Promise.race([
      work(signal),
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    ]);
  } catch (error) {
    // What a client throws when it is aborted says less than why it was.
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', onParent);
  }
}

/**
 * As `within`, for the client behind `response`: the signal also aborts when it hangs up (REQUEST_CANCELLED). For each
 * request of the proxy, so with one controller and no race.
 */
export function withDeadline<T>(
  response: ServerResponse,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const { signal } = controller;
    const settle = () => {
      clearTimeout(timer);
      response.removeListener('close', onClose);
    };
    const abort = (reason: ConchError) => {
      settle();
      controller.abort(reason);
      reject(reason);
    };
    const onClose = () => {
      if (!response.writableFinished) abort(new ConchError('REQUEST_CANCELLED', 'the client hung up'));
    };
    const timer = setTimeout(() => {
      abort(new ConchError('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref();
    response.once('close', onClose);
    work(signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
  });
}
