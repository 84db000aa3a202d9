export { type HeldOutputs, holdOutputs } from './outputs.ts';
export {
  type CudaRegionStatus,
  type HeldPart,
  type RegionPart,
  type SharedMemoryOptions,
  SharedMemoryRegistry,
  type SystemRegionStatus,
} from './registry.ts';
