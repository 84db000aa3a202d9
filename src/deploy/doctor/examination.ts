import type { LoadedDeployment } from '../../compile/index.ts';
import type { Target } from '../../onnx/index.ts';
import type { ModelRepository } from '../../repository/index.ts';
import type { Machine } from './machine.ts';

/** What the machine shall do. */
export type DoctorEngine = 'embedded' | 'triton';

/** What is looked at, and for what. */
export interface Examination {
  readonly machine: Machine;
  readonly engine: DoctorEngine;
  /** How Triton would be started: in Docker, or from a program on this machine. */
  readonly tritonserver?: string | undefined;
  readonly target: Target;
  readonly loaded?: LoadedDeployment | undefined;
  readonly repository?: ModelRepository | undefined;
  /** Whether Triton shall have a GPU; unless given, when a model needs one. */
  readonly gpu: boolean;
  readonly ports: readonly { readonly port: number; readonly use: string }[];
  readonly signal?: AbortSignal | undefined;
}

/** `missing`: it will not work; `warning`: it may not, or not well; `absent`: not there, and not needed. */
export type FindingStatus = 'ok' | 'warning' | 'missing' | 'absent';

export interface Finding {
  /** What was looked at, e.g. `docker compose`. */
  readonly subject: string;
  readonly status: FindingStatus;
  /** What was found. */
  readonly detail: string;
  /** What to do about it, for all but `ok`. */
  readonly fix?: string;
}

/** Looks at one thing, or a few that hang together. */
export type Check = (examination: Examination) => Promise<Finding[]>;

/** A thing that is there or not: not there it is `missing` where it is needed, else `absent`. */
export function lacking(subject: string, needed: boolean, detail: string, fix: string): Finding {
  return { subject, status: needed ? 'missing' : 'absent', detail, fix };
}
