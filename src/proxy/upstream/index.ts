export { Circuit, type CircuitOptions, type Fault } from './circuit.ts';
export { connectServers, type ServerAddress, type ShadowAddress, shadowAt } from './connect-servers.ts';
export { Endpoint, type EndpointOptions, type ServerClient } from './endpoint.ts';
export { type ReloadOptions, type ReloadReport, reloadModel } from './reload.ts';
export { RoutedClient } from './routed-client.ts';
export { countServers, countShadow } from './server-metrics.ts';
export { Shadow, type ShadowOptions, type ShadowReport } from './shadow.ts';
export { SpreadClient, type SpreadOptions } from './spread-client.ts';
export { VersionRoutes, type VersionWeights } from './versions.ts';
