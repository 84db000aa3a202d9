export type { MadeModel } from './artifact.ts';
export { type CompareOptions, compareVariants } from './compare/compare.ts';
export { comparisonPage, describeRun } from './compare/page.ts';
export type { CompareReport, VariantReport } from './compare/report.ts';
export { comparisonRows } from './compare/rows.ts';
export {
  type CompileOptions,
  type CompileResult,
  compileDeployment,
  type DryRunResult,
  deploymentOf,
  dryRunDeployment,
  repositoryOf,
} from './compile.ts';
export type { CompiledModel, CompiledTensor } from './compiled.ts';
export type { ContainerResources, DeploySettings } from './deploy-settings.ts';
export {
  type CheckpointDeployment,
  type ConfigSettings,
  type Deployment,
  defineDeployment,
  isCheckpointDeployment,
  type MlpDeployment,
  type ModelDeployment,
  type ModuleDeployment,
  type ModuleInput,
  type OnnxDeployment,
} from './deployment.ts';
export type { GateReport } from './gate/gate.ts';
export type { GateLimits } from './gate/limits.ts';
export { checkDeployment, findDeploymentFile, type LoadedDeployment, loadDeployment } from './load-deployment.ts';
export { type Precision, precisions } from './lowering/lower.ts';
export type { MlpLayer } from './mlp.ts';
export { type CreateOptions, createEnvironment } from './python/create-environment.ts';
export { type EnvironmentReport, inspectEnvironment } from './python/environment.ts';
export { type CompilePython, compileInterpreter } from './python/interpreter.ts';
export { servingImage } from './tensorrt/builder.ts';
export type { DryRun } from './tensorrt/plan-order.ts';
export type { PlanBuilder, PlanPoint, PlanProfile, TensorrtSettings } from './tensorrt/settings.ts';
