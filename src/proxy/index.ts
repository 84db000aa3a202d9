export { defaultLimits, type ProxyLimits } from './limits.ts';
export { type ProxyOptions, type RunningProxy, startProxy } from './start.ts';
