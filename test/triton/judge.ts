import { check, verdicts } from '../../src/check/index.ts';
import { configToJson, type JsonObject } from '../../src/config/index.ts';
import { findTarget } from '../../src/onnx/index.ts';
import { completeInRepository, openRepository } from '../../src/repository/index.ts';
import { differences } from './compare.ts';
import type { CaseAnswer } from './oracle.ts';

/** The release that the wheel nvidia-pytriton 0.7.0 carries (core 2.51.0). */
export const oracleTarget = findTarget('triton:24.10');

/** Where conch and the real server disagree about the repository at `root`; empty when they agree. */
export async function judge(root: string, answer: CaseAnswer): Promise<string[]> {
  const repository = await openRepository(root, { inspect: true });
  const found = check(repository, oracleTarget, { host: { gpus: [] } });
  const ours = verdicts(repository, found);
  const disagreements: string[] = [];
  // What crashes or hangs the server never serves either: at least one model must be called refused.
  if (answer.lost && !Object.values(ours).some((one) => one.verdict === 'refused')) {
    disagreements.push(`ours all load, Triton ${answer.lost}`);
  }
  for (const [name, theirs] of Object.entries(answer.models)) {
    const mine = ours[name]?.verdict ?? 'refused';
    if (mine !== theirs.verdict) {
      const because = found
        .filter((one) => one.model === name && one.severity === 'error')
        .map((one) => `${one.code}: ${one.message}`)
        .join('; ');
      disagreements.push(`${name}: ours ${mine} (${because}), Triton's ${theirs.verdict} (${theirs.reason ?? ''})`);
    } else if (theirs.config !== undefined) {
      const entry = repository.models.find((model) => model.name === name);
      if (!entry) continue;
      const completed = withoutNewerFields(configToJson(completeInRepository(repository, entry, { gpus: [] }).config));
      disagreements.push(...differences(completed, theirs.config).map((difference) => `${name}: ${difference}`));
    }
  }
  return disagreements;
}

/** The oracle's release does not know `max_inflight_requests` yet; unset, it is only a zero in the JSON. */
function withoutNewerFields(config: JsonObject): JsonObject {
  const ensemble = config.ensemble_scheduling as JsonObject | undefined;
  if (ensemble?.max_inflight_requests === 0) delete ensemble.max_inflight_requests;
  return config;
}
