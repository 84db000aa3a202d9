export { composeFiles } from './compose/compose.ts';
export { type DoctorReport, examine } from './doctor/doctor.ts';
export type { DoctorEngine, Examination, Finding } from './doctor/examination.ts';
export { type Machine, thisMachine } from './doctor/machine.ts';
export { type DeployPlan, modelWithGpu, type PlanOptions, planDeployment } from './plan.ts';
export { type GeneratedFile, type WriteOptions, type WrittenFile, writeFiles } from './write-files.ts';
