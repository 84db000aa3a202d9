import { check, verdicts } from '../../src/check/index.ts';
import { configToJson, type JsonObject } from '../../src/config/index.ts';
import { findTarget } from '../../src/onnx/index.ts';
import { completeInRepository, type ModelRepository, openRepository } from '../../src/repository/index.ts';
import { differences } from './compare.ts';
import type { CaseAnswer } from './oracle.ts';
import { type AutoCompleted, autoComplete } from './python-code.ts';
import { setAside } from './set-aside.ts';

/** The release that the wheel nvidia-pytriton 0.7.0 carries (core 2.51.0). */
export const oracleTarget = findTarget('triton:24.10');

export interface Judgement {
  /** Where conch and the real server disagree; empty when they agree. */
  readonly disagreements: readonly string[];
  /** Models that cannot be compared, with what this server lacks for them. */
  readonly setAside: ReadonlyMap<string, string>;
  /** Models that both judged. */
  readonly compared: number;
}

/**
 * What conch and the real server say about the repository at `root`. With `python`, the interpreter of the server's
 * models, `auto_complete_config` is run for conch as it was by the server; without, such models are judged as they are
 * written.
 */
export async function judge(root: string, answer: CaseAnswer, python?: string): Promise<Judgement> {
  const repository = await openRepository(root, { inspect: true });
  const found = check(repository, oracleTarget, { host: { gpus: [] } });
  const ours = verdicts(repository, found);
  const ran = python === undefined ? new Map<string, AutoCompleted>() : await autoComplete(repository, python);
  const aside = setAside(repository, answer, ran);
  const disagreements: string[] = [];
  let compared = 0;
  // What crashes or hangs the server never serves either: at least one model must be called refused.
  if (answer.lost && !Object.values(ours).some((one) => one.verdict === 'refused')) {
    disagreements.push(`ours all load, Triton ${answer.lost}`);
  }
  for (const [name, theirs] of Object.entries(answer.models)) {
    if (aside.has(name)) continue;
    compared += 1;
    const refusedByCode = ran.get(name)?.error;
    const mine = refusedByCode === undefined ? (ours[name]?.verdict ?? 'refused') : 'refused';
    if (mine !== theirs.verdict) {
      const because = found
        .filter((one) => one.model === name && one.severity === 'error')
        .map((one) => `${one.code}: ${one.message}`)
        .concat(refusedByCode ?? [])
        .join('; ');
      disagreements.push(`${name}: ours ${mine} (${because}), Triton's ${theirs.verdict} (${theirs.reason ?? ''})`);
    } else if (theirs.config !== undefined) {
      const completed = completedAs(repository, name, ran);
      if (completed)
        disagreements.push(...differences(completed, theirs.config).map((difference) => `${name}: ${difference}`));
    }
  }
  return { disagreements, setAside: aside, compared };
}

function completedAs(
  repository: ModelRepository,
  name: string,
  ran: ReadonlyMap<string, AutoCompleted>,
): JsonObject | undefined {
  const entry = repository.models.find((model) => model.name === name);
  if (!entry) return undefined;
  const python = ran.get(name)?.completion;
  const { config } = completeInRepository(repository, entry, { gpus: [], ...(python && { python }) });
  return withoutNewerFields(configToJson(config));
}

/** The oracle's release does not know `max_inflight_requests` yet; unset, it is only a zero in the JSON. */
function withoutNewerFields(config: JsonObject): JsonObject {
  const ensemble = config.ensemble_scheduling as JsonObject | undefined;
  if (ensemble?.max_inflight_requests === 0) delete ensemble.max_inflight_requests;
  return config;
}
