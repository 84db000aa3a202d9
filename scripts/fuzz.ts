import { parseArgs } from 'node:util';
import { fuzzConnections } from '../src/server/http1/testing/fuzz.ts';

// npm run fuzz -- --seconds 600 [--seed 7]: what `npm test` does for a moment, for as long as wanted and elsewhere.
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, seed: { type: 'string', default: `${Date.now() % 1e6}` } },
});
const seed = Number(values.seed);
const deadline = performance.now() + Number(values.seconds) * 1000;
const inTime = () => performance.now() >= deadline;

console.log(`seed ${seed}, ${values.seconds} s`);
const { rounds, answered, refused } = await fuzzConnections(seed, inTime);
console.log(`HTTP connections: ${rounds} rounds, ${answered} requests answered, ${refused} refused`);
