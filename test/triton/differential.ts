import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchTriton } from '../../scripts/fetch-triton.ts';
import { cases } from './cases/index.ts';
import { repositoriesIn } from './corpus.ts';
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

function questionsIn(folder: string): Question[] {
  return repositoriesIn(folder).map((found) => ({ name: found.folder, ask: (oracle) => oracle.askCopy(found) }));
}

const found = positionals.length > 0 ? positionals.flatMap((folder) => questionsIn(resolve(folder))) : ownQuestions();
const questions = found.filter(({ name }) => values.only === undefined || name.includes(values.only));
const folder = fetchTriton();
const python = join(folder, 'venv/bin/python3');
const oracle = await Oracle.open(folder);
const tally = { agree: 0, known: 0, differ: 0, aside: 0, models: 0 };
const asideBy = new Map<string, number>();
try {
  for (const [index, question] of questions.entries()) {
    const answer = await question.ask(oracle);
    const { disagreements, setAside, compared } = await judge(oracle.root, answer, python);
    tally.models += compared;
    for (const lack of setAside.values()) asideBy.set(lack, (asideBy.get(lack) ?? 0) + 1);
    if (disagreements.length > 0) {
      if (question.name in knownDifferences) tally.known++;
      else {
        tally.differ++;
        console.log(`${question.name}\n${disagreements.map((line) => `  ${line}`).join('\n')}`);
      }
    } else if (compared === 0 && setAside.size > 0) tally.aside++;
    else tally.agree++;
    if (process.stderr.isTTY) process.stderr.write(`\r${index + 1} of ${questions.length} `);
  }
} finally {
  await oracle.close();
}
const aside = [...asideBy].sort(([, a], [, b]) => b - a).map(([lack, count]) => `${count} (${lack})`);
if (aside.length > 0) console.log(`models set aside, which cannot be judged here: ${aside.join(', ')}`);
console.log(
  `${questions.length} repositories (${tally.models} models compared): ${tally.agree} agree, ${tally.known} known differences, ${tally.differ} differ` +
    (tally.aside > 0 ? `, ${tally.aside} could not be judged` : ''),
);
process.exitCode = tally.differ > 0 || questions.length === 0 ? 1 : 0;
