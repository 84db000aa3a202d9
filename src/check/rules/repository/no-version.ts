import { toInteger } from '../../../config/index.ts';
import { configFix } from '../../edits.ts';
import { count } from '../../names.ts';
import type { Finding, ModelRule } from '../../rule.ts';
import type { ModelView } from '../../view.ts';

export const noVersion: ModelRule = {
  code: 'repository/no-version',
  severity: 'error',
  summary: 'A model has at least one version folder that its version policy selects.',
  why: 'Triton serves versions, which are folders with plain decimal names (`1`, `2`, ...). When none exists, or the policy selects none, it refuses the model. Ensembles need a version folder too; it may be empty. `latest {}` without a number keeps 0 and selects nothing.',
  fix: 'Put the model into a folder named `1`, or let the version policy select a folder that exists.',
  *check(model) {
    if (model.versions.length > 0) return;
    if (model.entry.versions.length === 0) yield noFolder(model);
    else yield nothingSelected(model);
  },
};

function noFolder(model: ModelView): Finding {
  const ignored = model.entry.ignoredFolders.filter((one) => one.kind !== 'reserved');
  const asFiles = model.entry.files.filter((name) => /^\d+$/.test(name)).map((name) => `'${name}' is a file`);
  const reasons = [...asFiles, ...ignored.map((one) => one.reason)];
  const more = reasons.length > 4 ? `; and ${reasons.length - 4} more` : '';
  const hint = reasons.length === 0 ? '' : `: ${reasons.slice(0, 4).join('; ')}${more}`;
  const what = model.isEnsemble ? 'an empty folder named 1' : 'a folder named 1 and move the model files into it';
  // Triton follows links out of the repository, conch does not: what is behind one stays unknown.
  const unknown = ignored.some((one) => one.kind === 'outside');
  const severity = unknown ? ({ severity: 'warning' } as const) : {};
  return { message: `${model.name} has no version folder${hint}`, fix: `make ${what}`, ...severity };
}

function nothingSelected(model: ModelView): Finding {
  const there = model.entry.versions.map((one) => one.version);
  const { latest, specific } = model.written.version_policy ?? {};
  if (latest !== undefined) {
    return {
      path: 'version_policy.latest.num_versions',
      message: `version_policy.latest has num_versions ${toInteger(latest.num_versions)}, which selects none of the ${count(there.length, 'version')}`,
      fix: configFix(model, 'set num_versions: 1', { path: 'version_policy.latest.num_versions', value: 1 }),
    };
  }
  return {
    path: 'version_policy.specific.versions',
    message: `version_policy selects ${listed((specific?.versions ?? []).map(Number))}, but the folder has ${listed(there)}`,
    fix: `list a version that exists: ${there.join(', ')}`,
  };
}

function listed(versions: readonly number[]): string {
  return versions.length === 0 ? 'no version' : `version ${versions.join(', ')}`;
}
