import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelRepository } from '../../src/repository/index.ts';
import type { CaseAnswer } from './oracle.ts';
import type { AutoCompleted } from './python-code.ts';

/**
 * Models that say nothing about conch, with why: this server was built without their backend or repository agent, or
 * their own Python code does not run here (a package that is missing, a GPU, a network, an error on purpose), which only
 * running it can tell. Ensembles that need one of them stand aside with it.
 */
export function setAside(
  repository: ModelRepository,
  answer: CaseAnswer,
  ran: ReadonlyMap<string, AutoCompleted>,
): Map<string, string> {
  const aside = new Map<string, string>();
  for (const [name, { reason }] of Object.entries(answer.models)) {
    if (reason === undefined) continue;
    const lack = lackOf(reason.replaceAll('\\n', '\n'), repository, name, ran);
    if (lack !== undefined) aside.set(name, lack);
  }
  for (let size = -1; size !== aside.size; ) {
    size = aside.size;
    for (const { name, parsed } of repository.models) {
      const members = parsed?.config.ensemble_scheduling?.step ?? [];
      const member = members.find(({ model_name = '' }) => aside.has(model_name));
      if (member && answer.models[name]?.verdict === 'refused') aside.set(name, aside.get(member.model_name!)!);
    }
  }
  return aside;
}

function lackOf(
  reason: string,
  repository: ModelRepository,
  name: string,
  ran: ReadonlyMap<string, AutoCompleted>,
): string | undefined {
  const backend = /unable to find backend library (?:for backend )?'([^']+)'/.exec(reason)?.[1];
  if (backend !== undefined) return `backend ${backend}`;
  const entry = repository.models.find((model) => model.name === name);
  const agent = entry?.parsed?.config.model_repository_agents?.agents?.[0]?.name;
  // The server says no more than that it could not poll the model.
  if (agent !== undefined && reason.includes('failed to poll')) return `agent ${agent}`;
  // An archive that the configuration expects on the server, outside of the repository.
  const archive = /Failed to get the canonical path for (?!<repository>)([^;]+)\./.exec(reason)?.[1];
  if (archive !== undefined) return 'a Python environment of the server';
  // A traceback: the code raised. Where it did so in auto_complete_config, conch has seen the same.
  const raised = /: \w*(?:Error|Exception|Interrupt)\b[\s\S]*\n\nAt:\n/.test(reason);
  const words = /failed to run warmup sample '[^']*': ([^;]+);/.exec(reason)?.[1]?.trim();
  const ownWords = words !== undefined && entry !== undefined && sourceOf(entry.dir).includes(words);
  if ((raised && ran.get(name)?.error === undefined) || ownWords) return 'Python code that fails here';
  return undefined;
}

function sourceOf(dir: string): string {
  const path = join(dir, '1/model.py');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
