export type { Architecture, Task } from './architecture.ts';
export { type Activation, activation, activationNames, isActivation } from './blocks/activation.ts';
export { linear } from './blocks/linear.ts';
export { textLengths } from './blocks/packed-tokens.ts';
export { type Layout, layouts } from './blocks/tokens.ts';
export { type Linear, type TensorSource, Weights } from './blocks/weights.ts';
export { type BuildOptions, buildEncoder, type EncoderFacts } from './build.ts';
export { architectures, classesOf } from './choose.ts';
export { type PoolingMode, poolingModes, type SentenceModule, type SentenceModules } from './sentence-embedding.ts';
