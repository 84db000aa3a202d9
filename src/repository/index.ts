import type { ConchError, Diagnostic } from '../base/index.ts';
import type { ModelConfig, ParsedConfig } from '../config/index.ts';
import type { OnnxSummary } from '../onnx/index.ts';
import { notYet } from './pending.ts';

/** A folder in Triton's layout, as read at one moment. */
export interface ModelRepository {
  root: string;
  /** By name, ascending. */
  models: ModelEntry[];
  /** Layout findings at the root and in every model (each model's are in its entry too); config parse findings are in `parsed`. */
  diagnostics: Diagnostic[];
}

export interface ModelEntry {
  name: string;
  dir: string;
  /** Absolute path of config.pbtxt, when there is one. */
  configFile?: string;
  parsed?: ParsedConfig;
  /** Ascending by number. */
  versions: ModelVersion[];
  ignoredFolders: IgnoredFolder[];
  /** Top-level files, relative to `dir`. */
  files: string[];
  /** Labels by label file (the config's `label_filename`); `labelsOf` looks up by output. */
  labels: Record<string, string[]>;
  manifest?: Manifest;
  diagnostics: Diagnostic[];
}

export interface IgnoredFolder {
  name: string;
  /** numeric-prefix: Triton counts it as a version and then fails to find that version's folder. */
  kind: 'reserved' | 'leading-zero' | 'not-a-number' | 'numeric-prefix' | 'outside';
  reason: string;
}

export interface ModelVersion {
  version: number;
  folder: string;
  dir: string;
  /** Every file below, with paths relative to `dir`; sizes in bytes. */
  files: { path: string; size: number }[];
  /** Present when opened with `inspect` and the folder holds an ONNX model. */
  onnx?: OnnxSummary;
  onnxError?: ConchError;
}

export interface OpenOptions {
  /** Read the headers of ONNX models. */
  inspect?: boolean;
}

/** conch.json: what a model was made from and what came out. */
export interface Manifest {
  format: 1;
  name: string;
  version: number;
  inputsHash: string;
  inputs: Record<string, string>;
  artifacts: Record<string, { hash: string; size: number }>;
  tool: { name: string; version: string; node: string };
  target: string;
  created: string;
  source: Record<string, unknown>;
  tensors: Record<string, unknown>;
  accuracy?: Record<string, unknown>;
  [key: string]: unknown;
}

export interface VersionParts {
  /** The text of config.pbtxt. */
  config: string;
  /** Lines by label file name, as `label_filename` in the config names it. */
  labels?: Record<string, string[]>;
  manifest: Omit<Manifest, 'artifacts'>;
}

export interface VersionWriter {
  /** A temporary folder that becomes the version folder: write files into it. */
  dir: string;
  modelDir: string;
  commit(parts: VersionParts): Promise<ModelEntry>;
  abort(): Promise<void>;
}

export function openRepository(_root: string, _options: OpenOptions = {}): Promise<ModelRepository> {
  return notYet();
}

export function readModel(_dir: string, _options: OpenOptions = {}): Promise<ModelEntry> {
  return notYet();
}

/** The labels of one output, when its `label_filename` could be read. */
export function labelsOf(_model: ModelEntry, _output: string): string[] | undefined {
  return notYet();
}

export function selectVersions(_config: ModelConfig, _available: readonly number[]): number[] {
  return notYet();
}

/** `name` as a model's name, or REPOSITORY_INVALID saying what is wrong with it. */
export function checkModelName(_name: string): string {
  return notYet();
}

export function beginVersion(
  _root: string,
  _name: string,
  _version: number,
  _options: { force?: boolean } = {},
): Promise<VersionWriter> {
  return notYet();
}

export function isUpToDate(_root: string, _name: string, _version: number, _inputsHash: string): Promise<boolean> {
  return notYet();
}
