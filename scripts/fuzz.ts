import { parseArgs } from 'node:util';
import { fuzzWeights } from '../src/checkpoint/pytorch/testing/fuzz.ts';
import { fuzzCompression, fuzzRequests, fuzzResponses, type Outcomes } from '../src/protocol/http/testing/fuzz.ts';
import { fuzzH2 } from '../src/server/grpc/h2/testing/fuzz.ts';
import { fuzzConnections } from '../src/server/http1/testing/fuzz.ts';

// npm run fuzz -- --seconds 600 [--seed 7]: what `npm test` does for a moment, for as long as wanted and elsewhere.
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, seed: { type: 'string', default: `${Date.now() % 1e6}` } },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);
console.log(`seed ${seed}, ${seconds} s`);

/** Stops after a share of the time. */
function forAShare(share: number): (round: number) => boolean {
  const deadline = performance.now() + seconds * 1000 * share;
  return (round) => round % 16 === 0 && performance.now() >= deadline;
}

function tell(what: string, outcomes: Outcomes): void {
  console.log(`${what}: ${[...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`);
}

const { rounds, answered, refused } = await fuzzConnections(seed, forAShare(0.3));
console.log(`HTTP connections: ${rounds} rounds, ${answered} requests answered, ${refused} refused`);
tell('inference requests', fuzzRequests(seed, forAShare(0.2)));
fuzzResponses(seed, forAShare(0.1));
tell('compressed bodies', await fuzzCompression(seed, forAShare(0.1)));
tell('PyTorch checkpoints', await fuzzWeights(seed, forAShare(0.1)));
const grpc = await fuzzH2(seed, forAShare(0.2));
console.log(`HTTP/2 connections: ${grpc.rounds} rounds, ${grpc.answered} calls answered`);
