import { createLogger } from '../src/base/index.ts';
import { serveEngine } from '../src/server/index.ts';
import { FakeEngine } from '../test/fake-engine.ts';

// Answers both protocols with next to no work of its own: `sum` adds up, `echo` gives back. Prints the port
// of the protocol that CONCH_PROTOCOL names.
const logger = createLogger('silent');
const server = await serveEngine(new FakeEngine(), { httpPort: 0, grpcPort: 0, metricsPort: false, logger });
console.log(String(process.env.CONCH_PROTOCOL === 'grpc' ? server.grpcPort : server.httpPort));
process.once('SIGTERM', () => void server.close());
