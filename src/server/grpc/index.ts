export type { CompressionLevel } from './dispatch.ts';
export type { KeepaliveOptions } from './keepalive.ts';
export { GrpcListener, type GrpcListenOptions } from './listener.ts';
