import { docker } from './checks/docker.ts';
import { gpu } from './checks/gpu.ts';
import { plans, release } from './checks/models.ts';
import { node } from './checks/node.ts';
import { python } from './checks/python.ts';
import { disk, memory, ports } from './checks/resources.ts';
import type { Check, Examination, Finding } from './examination.ts';

export interface DoctorReport {
  readonly engine: Examination['engine'];
  readonly target: string;
  readonly gpu: boolean;
  /** Nothing that is needed is missing. */
  readonly passed: boolean;
  readonly findings: readonly Finding[];
}

const checks: readonly Check[] = [node, release, docker, gpu, plans, python, ports, disk, memory];

/** What this machine has and lacks for what the examination names. Changes nothing. */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const findings = (await Promise.all(checks.map((check) => check(examination)))).flat();
  return {
    engine: examination.engine,
    target: examination.target.name,
    gpu: examination.gpu,
    passed: findings.every(({ status }) => status !== 'missing'),
    findings,
  };
}
