import type { ModelRule } from '../../rule.ts';

export const versionAbsent: ModelRule = {
  code: 'repository/version-absent',
  severity: 'warning',
  summary: 'Every version that `version_policy.specific` lists exists.',
  why: 'Triton logs an error for a listed version that is not there and serves the others; clients that ask for it get "not found".',
  fix: 'Remove the version from the list, or add its folder.',
  *check(model) {
    if (model.versions.length === 0) return;
    const there = new Set(model.entry.versions.map((one) => one.version));
    for (const [index, version] of (model.written.version_policy?.specific?.versions ?? []).entries()) {
      if (there.has(Number(version))) continue;
      yield {
        path: `version_policy.specific.versions[${index}]`,
        message: `version_policy lists version ${version}, but the folder has ${[...there].join(', ')}`,
      };
    }
  },
};
