import type { ModelRule } from '../../rule.ts';

/** What a shell reads as more than a character of a word. */
const shellCharacters = /[\s'"`$&;|<>()\\]/gu;

export const nameIllegal: ModelRule = {
  code: 'repository/name-illegal',
  severity: 'warning',
  summary: 'A model name can stand in a URL, and for the Python backend on a command line, as it is.',
  why: 'Clients address a model as `/v2/models/<name>/infer`. Triton does not decode percent-encoded names there: a name with a space, or one whose characters a client encodes, is not found over HTTP, and only gRPC reaches it. A Python model is worse off: the backend hands its path to a shell, which splits it at spaces and obeys quotes, `;`, `&`, `$` and parentheses; its process does not start, and the load has been seen never to end.',
  fix: 'Rename the folder with letters, digits, `-`, `_` and `.` only, and the steps that name it.',
  *check(model) {
    if (model.name.startsWith('.')) return;
    const odd = listed(model.name.match(/[^A-Za-z0-9._~-]/gu));
    if (odd === '') return;
    const inShell = model.backend === 'python' ? listed(model.name.match(shellCharacters)) : '';
    const consequence =
      inShell === ''
        ? `contains ${odd}: requests over HTTP may not find it`
        : `contains ${inShell}, which the Python backend hands to a shell: the load never ends`;
    yield {
      path: 'name',
      message: `the model name '${model.name}' ${consequence}`,
      ...(inShell === '' ? {} : { severity: 'error' }),
    };
  },
};

function listed(characters: readonly string[] | null): string {
  return [...new Set(characters)].map((one) => JSON.stringify(one)).join(', ');
}
