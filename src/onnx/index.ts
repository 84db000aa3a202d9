export { readOnnx } from './read.ts';
export type { OnnxSummary, OnnxTensorInfo } from './summary.ts';
export { defaultTarget, findTarget, type Target, targets } from './targets.ts';
