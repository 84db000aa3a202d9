/** Cases in which conch departs from the real server on purpose, with the reason. Short, and only to shrink. */
export const knownDifferences: Readonly<Record<string, string>> = {
  'model: file name above the version':
    'the oracle opens it; conch refuses names that leave their folder for every release, since that has been used in attacks',
};
