import type { ModelRule } from '../../rule.ts';

export const nameIllegal: ModelRule = {
  code: 'repository/name-illegal',
  severity: 'warning',
  summary: 'A model name can stand in a URL as it is.',
  why: 'Clients address a model as `/v2/models/<name>/infer`. Characters beyond letters, digits, `-`, `_` and `.` have to be percent-encoded there, which many clients do not do, and a name with spaces at its ends is trimmed by the load API.',
  fix: 'Rename the folder with letters, digits, `-`, `_` and `.` only, and the steps that name it.',
  *check(model) {
    if (model.name.startsWith('.')) return;
    const odd = [...new Set(model.name.match(/[^A-Za-z0-9._~-]/gu) ?? [])];
    if (odd.length === 0) return;
    yield {
      path: 'name',
      message: `the model name '${model.name}' contains ${odd.map((one) => JSON.stringify(one)).join(', ')}, which URLs cannot carry as it is`,
    };
  },
};
