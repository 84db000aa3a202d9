/**
 * A thread must not be stopped while ONNX Runtime works in it: the Node binding throws on its way back into a stopped
 * JavaScript, which aborts the whole process. Threads are therefore never terminated, and when the process exits while
 * one is at work, the exit waits for it.
 */
const busyThreads = new Set<Int32Array>();

/** Longest wait at exit, in ms. */
const patience = 10_000;

/** A counter that a thread shares with this one: above 0 while it has something to do. Starts at 1, for its start-up. */
export function trackThread(): { readonly busy: Int32Array; readonly gone: () => void } {
  const busy = new Int32Array(new SharedArrayBuffer(4));
  busy[0] = 1;
  if (busyThreads.size === 0) process.on('exit', waitForThreads);
  busyThreads.add(busy);
  const gone = (): void => {
    if (busyThreads.delete(busy) && busyThreads.size === 0) process.off('exit', waitForThreads);
  };
  return { busy, gone };
}

function waitForThreads(): void {
  const end = performance.now() + patience;
  for (const busy of busyThreads) {
    for (let count = Atomics.load(busy, 0); count > 0 && performance.now() < end; count = Atomics.load(busy, 0)) {
      Atomics.wait(busy, 0, count, end - performance.now());
    }
  }
}
