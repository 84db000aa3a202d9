export type { ServedEngine } from './context.ts';
export { modelMetricsMarkdown } from './metrics/families.ts';
export { parseRestriction, type Restriction } from './restricted.ts';
export { type ListenerOptions, type RunningServer, type ServerOptions, serveEngine, startServer } from './start.ts';
