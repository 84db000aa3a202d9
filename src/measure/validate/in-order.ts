/**
 * Results of `work` over `source` in the source's order, with up to `width` items at work at a time. When the reader
 * stops, or something throws, what is still at work is left to the caller to abort.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  for await (const item of source) {
    const promise = work(item);
    // A failure is seen when its turn comes; until then it must not count as unhandled.
    promise.catch(() => {});
    running.push(promise);
    if (running.length >= width) yield await running.shift()!;
  }
  while (running.length > 0) yield await running.shift()!;
}
