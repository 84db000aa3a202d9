export { ConchError, type Diagnostic, type ErrorCode, errorCatalogue, type Progress } from './base/index.ts';
export { check, rules } from './check/index.ts';
export { type ConnectOptions, connect, type InferenceClient, type TritonClient } from './client/index.ts';
export {
  type CheckpointDeployment,
  type CompareOptions,
  type CompareReport,
  type CompileOptions,
  type CompileResult,
  compareVariants,
  compileDeployment,
  type Deployment,
  defineDeployment,
  deploymentOf,
  loadDeployment,
  type MlpDeployment,
  type MlpLayer,
  type ModelDeployment,
} from './compile/index.ts';
export {
  configFromJson,
  configToJson,
  type ModelConfig,
  type ParsedConfig,
  parseConfig,
  printConfig,
} from './config/index.ts';
export { type ValidationReport, validate } from './measure/index.ts';
export { defaultTarget, findTarget, type Target, targets } from './onnx/index.ts';
export type { InferenceRequest, InferenceResponse } from './protocol/index.ts';
export { conchProxy, createProxyApp, type ProxyOptions, type RunningProxy, startProxy } from './proxy/index.ts';
export { type ModelRepository, openRepository } from './repository/index.ts';
export { type RunningServer, type ServerOptions, startServer } from './server/index.ts';
export type { Datatype, Tensor } from './tensor/index.ts';
