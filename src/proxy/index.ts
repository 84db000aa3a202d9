export { createProxyApp, type ProxyAppOptions } from './app.ts';
export type { ModelCatalog, Readiness, TextPath } from './catalog.ts';
export type { ErrorBody } from './errors.ts';
export type { Classes, ModelInterface, TensorInterface } from './interface.ts';
export { defaultLimits, type ProxyLimits } from './limits.ts';
export {
  KeyRing,
  type KeySources,
  keyLine,
  localOrigins,
  makeKey,
  openKeys,
  ProxyMetrics,
  parseKeys,
  proxyMetricsMarkdown,
} from './operations/index.ts';
export { type ConchProxyOptions, conchProxy, type TextOptions } from './plugin.ts';
export { isLoopback, type ProxyOptions, type RunningProxy, startProxy } from './start.ts';
export {
  type CircuitOptions,
  type EndpointOptions,
  type ReloadOptions,
  type ReloadReport,
  RoutedClient,
  reloadModel,
  type ServerAddress,
  Shadow,
  type ShadowAddress,
  type ShadowOptions,
  type ShadowReport,
  SpreadClient,
  type SpreadOptions,
  type VersionWeights,
} from './upstream/index.ts';
