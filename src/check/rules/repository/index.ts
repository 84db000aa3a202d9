import type { Rule } from '../../rule.ts';
import { configMissing } from './config-missing.ts';
import { empty } from './empty.ts';
import { manifestStale } from './manifest-stale.ts';
import { modelFileMissing } from './model-file-missing.ts';
import { nameIllegal } from './name-illegal.ts';
import { nameMismatch } from './name-mismatch.ts';
import { noVersion } from './no-version.ts';
import { pathEscapes } from './path-escapes.ts';
import { versionAbsent } from './version-absent.ts';
import { versionIgnored } from './version-ignored.ts';

/** Folders, names, versions and files. */
export const repositoryRules: readonly Rule[] = [
  empty,
  nameMismatch,
  nameIllegal,
  configMissing,
  noVersion,
  versionAbsent,
  versionIgnored,
  modelFileMissing,
  pathEscapes,
  manifestStale,
];
