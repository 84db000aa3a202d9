export type { ServedEngine } from './context.ts';
export { type ListenerOptions, type RunningServer, type ServerOptions, serveEngine, startServer } from './start.ts';
