export { connect } from './connect.ts';
export * from './everywhere.ts';
export { SharedRegion, type SharedRegionOptions } from './node-shared-region.ts';
