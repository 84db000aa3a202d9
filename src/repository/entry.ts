import type { ConchError, Diagnostic } from '../base/index.ts';
import type { ModelConfig, ParsedConfig } from '../config/index.ts';
import type { OnnxSummary } from '../onnx/index.ts';
import type { Manifest } from './manifest.ts';

/** A folder in Triton's layout, as read at one moment. */
export interface ModelRepository {
  /** Absolute. */
  root: string;
  /** Names of the files directly in `root`, ascending; no models. */
  files: string[];
  /** By name, ascending. As Triton does, every folder at the root counts as a model, hidden ones too. */
  models: ModelEntry[];
  /** Findings about the layout, at the root and in every model. What the parser says about a config is in its `parsed`. */
  diagnostics: Diagnostic[];
}

export interface ModelEntry {
  name: string;
  /** Absolute, as all paths here unless said otherwise. */
  dir: string;
  /** config.pbtxt, or the one that was asked for in its place, when there is one. */
  configFile?: string;
  parsed?: ParsedConfig;
  /** Ascending by number. Which of them are served is the version policy's matter: `selectVersions`. */
  versions: ModelVersion[];
  ignoredFolders: IgnoredFolder[];
  /** Names of the files directly in `dir`, ascending. */
  files: string[];
  /** Labels by label file, as the config's `label_filename` names it; `labelsOf` looks them up by output. */
  labels: Record<string, string[]>;
  /**
   * When opened with `inspect`: files that the config names beside those of the versions, and Python models' code, by
   * path below `dir` with `/` between folders (`warmup/x.bin`). What is not in it is not there.
   */
  dataFiles: Readonly<Record<string, DataFile>>;
  manifest?: Manifest;
  /** Findings about this model's layout; also part of the repository's. */
  diagnostics: Diagnostic[];
}

export interface DataFile {
  /** Bytes; undefined for what a link out of the repository leads to, which is not looked at. */
  size?: number;
  /** The content where rules look into it: warm-up strings and Python code of at most 4 MB. */
  content?: Uint8Array;
}

export interface IgnoredFolder {
  name: string;
  /**
   * `reserved`: warmup, initial_state, configs. `leading-zero`, `not-a-number`: Triton skips it with a warning.
   * `numeric-prefix`: Triton takes it for a version and then finds no folder of that number.
   * `out-of-range`: no 64-bit number, on which Triton aborts; or beyond 2^53, which conch does not count.
   * `outside`: a link that leaves the repository, which conch does not follow.
   */
  kind: 'reserved' | 'leading-zero' | 'not-a-number' | 'numeric-prefix' | 'out-of-range' | 'outside';
  /** One sentence. */
  reason: string;
}

export interface ModelVersion {
  version: number;
  /** The folder's name, `String(version)`. */
  folder: string;
  dir: string;
  /** Every file below, by path relative to `dir` with `/` between folders, ascending; sizes in bytes. */
  files: { path: string; size: number }[];
  /** When opened with `inspect` and the folder holds an ONNX model: its header, or why it could not be read. */
  onnx?: OnnxSummary;
  onnxError?: ConchError;
  /** When opened with `inspect` and the PyTorch backend would take a file for TorchScript that it is not: why. */
  torchScriptError?: ConchError;
}

export interface OpenOptions {
  /** Read the headers of ONNX models (never their weights). */
  inspect?: boolean;
  /** Triton's --model-config-name: `configs/<name>.pbtxt` goes before config.pbtxt in models that have it. */
  configName?: string;
  /** Counts in place of any configuration file. */
  config?: ModelConfig;
}
