import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchTriton } from '../../scripts/fetch-triton.ts';
import { cases } from './cases/index.ts';
import { judge } from './judge.ts';
import { knownDifferences } from './known-differences.ts';
import { mutations } from './mutations.ts';
import { Oracle } from './oracle.ts';

// npm run test:triton [-- --seed N --mutations N --only TEXT] [folders]: asks a real Triton and conch about the same
// repositories and lists where they differ. Without folders these are the project's own cases and seeded mutations;
// with folders, every model repository found in them.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    mutations: { type: 'string', default: '120' },
    only: { type: 'string' },
  },
});

interface Question {
  readonly name: string;
  ask(oracle: Oracle): ReturnType<Oracle['ask']>;
}

function ownQuestions(): Question[] {
  const all = [...cases, ...mutations(Number(values.seed), Number(values.mutations))];
  return all.map((one) => ({ name: one.name, ask: (oracle) => oracle.ask(one) }));
}

/** A folder is a repository when one of its folders holds a config.pbtxt, or a version folder with a model file. */
function repositoriesIn(folder: string): Question[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const isModel = entries.some(({ name }) => readdirSync(join(folder, name)).includes('config.pbtxt'));
  if (isModel) return [{ name: folder, ask: (oracle) => oracle.askFolder(folder) }];
  return entries.flatMap(({ name }) => repositoriesIn(join(folder, name)));
}

const found =
  positionals.length > 0 ? positionals.flatMap((folder) => repositoriesIn(resolve(folder))) : ownQuestions();
const questions = found.filter(({ name }) => values.only === undefined || name.includes(values.only));
const oracle = await Oracle.open(fetchTriton());
const tally = { agree: 0, known: 0, differ: 0 };
try {
  for (const [index, question] of questions.entries()) {
    const answer = await question.ask(oracle);
    const disagreements = await judge(oracle.root, answer);
    if (disagreements.length === 0) tally.agree++;
    else if (question.name in knownDifferences) tally.known++;
    else {
      tally.differ++;
      console.log(`${question.name}\n${disagreements.map((line) => `  ${line}`).join('\n')}`);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${index + 1} of ${questions.length} `);
  }
} finally {
  await oracle.close();
}
console.log(
  `${questions.length} repositories: ${tally.agree} agree, ${tally.known} known differences, ${tally.differ} differ`,
);
process.exitCode = tally.differ > 0 || questions.length === 0 ? 1 : 0;
