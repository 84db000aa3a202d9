export { elementTypes, payloadBytes } from './element-types.ts';
export {
  type Attribute,
  type Dimension,
  GraphBuilder,
  type GraphNode,
  type Initializer,
  type NodeOptions,
  type Payload,
  type Value,
} from './graph.ts';
export {
  modelOf,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensorType,
  type OnnxWeight,
  weightOf,
} from './model.ts';
export { readOnnx } from './read.ts';
export { openModel } from './read-model.ts';
export type { OnnxSummary, OnnxTensorInfo } from './summary.ts';
export { defaultTarget, findTarget, irVersionOf, type Target, targets } from './targets.ts';
export { defaultExternalDataThreshold, type WriteOptions, type WrittenModel, writeOnnx } from './write.ts';
