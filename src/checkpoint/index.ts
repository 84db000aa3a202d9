export { type Checkpoint, openCheckpoint } from './checkpoint.ts';
export { checkConfig, type ModelConfigJson } from './config.ts';
export { asFloat32 } from './float32.ts';
export { type ResolvedCheckpoint, type ResolveOptions, resolveCheckpoint } from './resolve.ts';
export { openSafetensors, type SafetensorsFile, type SafetensorsTensor } from './safetensors.ts';
export { openShards } from './shards.ts';
export type { StoredTensor } from './weights-file.ts';
