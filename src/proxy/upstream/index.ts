export { Circuit, type CircuitOptions, type Fault } from './circuit.ts';
export { connectServers, type ServerAddress } from './connect-servers.ts';
export { Endpoint, type EndpointOptions, type ServerClient } from './endpoint.ts';
export { countServers } from './server-metrics.ts';
export { SpreadClient, type SpreadOptions } from './spread-client.ts';
