export { RetryBudget } from './balance/retry-budget.ts';
export { connect } from './connect.ts';
export * from './everywhere.ts';
export type { ClientLanguage, GenerateClientOptions, GeneratedClient } from './generate/generate.ts';
export { generateClient } from './generate-client.ts';
export { SharedRegion, type SharedRegionOptions } from './node-shared-region.ts';
