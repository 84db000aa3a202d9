export { type CompletionHost, completeModel, completionContext, servedVersions } from './completion.ts';
export type { IgnoredFolder, ModelEntry, ModelRepository, ModelVersion, OpenOptions } from './entry.ts';
export { labelsOf } from './labels.ts';
export type { Manifest } from './manifest.ts';
export { checkModelName } from './names.ts';
export { openRepository, readModel } from './open.ts';
export { parseVersionFolder, selectVersions } from './versions.ts';
export { beginVersion, isUpToDate, type VersionParts, type VersionWriter } from './writer.ts';
