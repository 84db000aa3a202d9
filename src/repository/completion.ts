import { type CompletedConfig, type CompletionContext, completeConfig } from '../config/index.ts';
import type { ModelEntry, ModelVersion } from './entry.ts';
import { selectVersions } from './versions.ts';

/** What completing a model depends on besides its folder: the host, the server's flags, and what its code asked for. */
export type CompletionHost = Partial<
  Pick<CompletionContext, 'gpus' | 'python' | 'autoComplete' | 'defaultMaxBatchSize'>
>;

/** What Triton looks at to complete a model's configuration. ONNX headers are there for an entry read with `inspect`. */
export function completionContext(entry: ModelEntry, host: CompletionHost = {}): CompletionContext {
  const onnx = servedVersions(entry).at(-1)?.onnx;
  return {
    modelName: entry.name,
    versionFiles: versionFiles(entry),
    ...(onnx === undefined ? {} : { onnx }),
    ...host,
  };
}

/** A model's configuration as Triton would complete it; an entry without config.pbtxt counts as one with an empty file. */
export function completeModel(entry: ModelEntry, host: CompletionHost = {}): CompletedConfig {
  return completeConfig(entry.parsed?.config ?? {}, completionContext(entry, host));
}

/** The versions that the version policy selects, ascending. */
export function servedVersions(entry: ModelEntry): ModelVersion[] {
  const numbers = entry.versions.map((one) => one.version);
  const chosen = new Set(selectVersions(entry.parsed?.config ?? {}, numbers));
  return entry.versions.filter((one) => chosen.has(one.version));
}

/**
 * Names directly in the folder that sorts first as text, where Triton looks for known files even if that folder is no
 * version; folders end in `/`.
 */
function versionFiles(entry: ModelEntry): string[] {
  const names = [...entry.versions.map((one) => one.folder), ...entry.ignoredFolders.map((one) => one.name)];
  const first = names.sort()[0];
  const files = entry.versions.find((one) => one.folder === first)?.files ?? [];
  return [...new Set(files.map(({ path }) => path.replace(/\/.*$/s, '/')))];
}
