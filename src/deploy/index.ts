export { composeFiles } from './compose/compose.ts';
export { type DeployPlan, type PlanOptions, planDeployment } from './plan.ts';
export { type GeneratedFile, type WriteOptions, type WrittenFile, writeFiles } from './write-files.ts';
