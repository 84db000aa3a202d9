import type { TritonStatus } from '../../../base/index.ts';
import type { Datatype } from '../../../tensor/index.ts';
import type { CustomMetricKind, MetricLabels } from '../../custom-metrics.ts';

/** A tensor's description; its bytes lie at `offset` behind the message, or at `at` in the message's file. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly offset?: number;
  readonly at?: number;
}

/** A value with its type: boolean, integer as text, floating point number, text. */
export type WireValue =
  | readonly ['b', boolean]
  | readonly ['i', string]
  | readonly ['d', number]
  | readonly ['s', string];
export type WireParameters = Readonly<Record<string, WireValue>>;
/** An integer as a list of its text, or a text. */
export type WireCorrelation = readonly [string] | string;

export interface WireError {
  readonly message: string;
  readonly code: TritonStatus;
}

export interface WireResponse {
  readonly error?: WireError;
  readonly outputs?: readonly WireTensor[];
  readonly parameters?: WireParameters;
}

export interface WireRequest {
  readonly id: string;
  readonly correlation: WireCorrelation;
  readonly flags: number;
  /** Microseconds. */
  readonly timeout: number;
  readonly parameters: WireParameters;
  readonly outputs: readonly string[];
  readonly inputs: readonly WireTensor[];
  readonly cancelled: boolean;
}

/** What a model asks of another. */
export interface WireCall extends Omit<WireRequest, 'cancelled'> {
  readonly model: string;
  readonly version: number;
}

/** To the process. */
export type Command =
  | {
      readonly kind: 'start';
      readonly runs: 'model.py' | 'torchscript';
      readonly path: string;
      readonly dir: string;
      readonly decoupled: boolean;
      readonly args: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'run'; readonly run: number; readonly requests: readonly WireRequest[] }
  | { readonly kind: 'cancel'; readonly run: number; readonly index: number }
  | ({
      readonly kind: 'answer';
      readonly call: number;
      readonly final: boolean;
      readonly result?: boolean | string;
    } & WireResponse)
  /** Asks what the model says of its readiness; one such question is open at a time. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'close' };

/** From the process. */
export type Report =
  /** It has been initialised; `asks`: it has a say in its readiness. */
  | { readonly kind: 'ready'; readonly asks?: boolean }
  | { readonly kind: 'readiness'; readonly ready: boolean; readonly error?: string | null }
  | { readonly kind: 'closed' }
  | {
      readonly kind: 'refused';
      readonly reason: 'numpy' | 'model';
      readonly message: string;
      readonly line?: number | null;
      /** The module that is not installed. */
      readonly missing?: string | null;
      readonly trace: string;
    }
  | {
      readonly kind: 'done';
      readonly run: number;
      readonly responses: readonly (WireResponse | null)[];
      /** Requests that the model gives back, to be executed again. */
      readonly rescheduled: readonly number[];
    }
  | { readonly kind: 'failed'; readonly run: number; readonly message: string }
  | {
      readonly kind: 'send';
      readonly run: number;
      readonly index: number;
      readonly response: WireResponse | null;
      readonly final: boolean;
    }
  | { readonly kind: 'infer'; readonly call: number; readonly decoupled: boolean; readonly request: WireCall }
  | { readonly kind: 'cancel'; readonly call: number }
  | {
      readonly kind: 'load';
      readonly call: number;
      readonly model: string;
      /** JSON; '' for none. */
      readonly config: string;
      /** Contents by `file:<path>`. */
      readonly files: readonly WireTensor[];
    }
  | { readonly kind: 'unload'; readonly call: number; readonly model: string; readonly dependents: boolean }
  | { readonly kind: 'is_ready'; readonly call: number; readonly model: string; readonly version: string }
  | { readonly kind: 'log'; readonly level: string; readonly message: string; readonly where: string }
  | MetricQuestion
  | MetricChange
  /** The model has deleted the family of these. */
  | { readonly kind: 'metrics_gone'; readonly metrics: readonly number[] };

/** What a model asks about metrics that it keeps. */
export type MetricQuestion =
  | {
      readonly kind: 'metric_family';
      readonly call: number;
      readonly name: string;
      readonly description: string;
      readonly metric: CustomMetricKind;
    }
  /** Answered with a number that stands for the metric from then on. */
  | {
      readonly kind: 'metric';
      readonly call: number;
      readonly name: string;
      readonly labels: MetricLabels;
      readonly buckets: readonly number[];
    }
  | { readonly kind: 'metric_value'; readonly call: number; readonly metric: number };

export interface MetricChange {
  readonly kind: 'metric_change';
  readonly metric: number;
  readonly change: 'increment' | 'set' | 'observe';
  /** A number as JavaScript writes it, NaN and Infinity included. */
  readonly value: string;
}
