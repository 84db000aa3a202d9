import { parentPort, workerData } from 'node:worker_threads';
import { loadClock } from './load-clock.ts';
import { runLoad } from './load-run.ts';
import type { LoadOrder, WorkerNews } from './load-threads.ts';
import { GrpcSender } from './senders/grpc.ts';
import { HttpSender } from './senders/http.ts';

// A thread that makes load: it says when it is ready, starts when told, and says what became of the requests. Messages from the main thread:
// 'start', 'stop'.

const port = parentPort!;
const { protocol, epoch, load, first, stride, rampMs, ...options } = workerData as LoadOrder;
const clock = loadClock(epoch);
const told = new Map<string, string>();
const sender = new (protocol === 'grpc' ? GrpcSender : HttpSender)({
  ...options,
  now: clock.now,
  explain: (failure, words) => {
    if (!told.has(failure) && told.size < 32) told.set(failure, words);
  },
});
const post = (news: WorkerNews) =>
  port.postMessage(news, news.kind === 'samples' ? [news.batch.rows.buffer as ArrayBuffer] : []);

port.once('message', () => {
  const loop = runLoad({
    ...{ load, sender, clock, first, stride, rampMs },
    onSamples: (batch) => post({ kind: 'samples', batch }),
  });
  port.once('message', async () => {
    await loop.stop();
    sender.close();
    post({ kind: 'done', words: [...told] });
    port.close();
  });
});
post({ kind: 'ready' });
