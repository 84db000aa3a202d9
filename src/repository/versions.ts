import { type ModelConfig, toInteger } from '../config/index.ts';
import type { IgnoredFolder } from './entry.ts';

/** Folders of a model that are never versions (Triton's core, model_repository_manager). */
const reserved: Readonly<Record<string, string>> = {
  warmup: 'holds the data of warm-up samples',
  initial_state: 'holds the initial states of sequences',
  configs: 'holds alternative configurations, chosen by --model-config-name',
};

/**
 * The version that a model's sub-folder stands for, or why it stands for none. Triton reads the name with C++'s
 * `stoll`, which takes leading blanks, a sign and any digits and ignores what follows, and then opens the folder that
 * the number spells; seen on release 24.10: `1abc`, `+3` and `-1` each fail that way, and a number beyond 64 bits
 * aborts the server.
 */
export function parseVersionFolder(name: string): { version: number } | Omit<IgnoredFolder, 'name'> {
  const purpose = Object.hasOwn(reserved, name) ? reserved[name] : undefined;
  if (purpose !== undefined) return { kind: 'reserved', reason: `${name}/ ${purpose}` };
  if (name.length > 1 && name.startsWith('0')) {
    return { kind: 'leading-zero', reason: `'${name}' starts with a zero; Triton ignores such folders` };
  }
  const number = /^[ \t\n\v\f\r]*[+-]?[0-9]+/.exec(name)?.[0];
  if (number === undefined) {
    return { kind: 'not-a-number', reason: `'${name}' does not start with a number; Triton ignores such folders` };
  }
  const value = BigInt.asIntN(64, BigInt(number.trim().replace('+', '')));
  if (value !== BigInt(number.trim().replace('+', ''))) {
    return { kind: 'out-of-range', reason: `'${name}' is no 64-bit number; Triton aborts when it reads such a folder` };
  }
  if (value.toString() !== name) {
    const reason = `'${name}' counts as version ${value} for Triton, which then finds no folder '${value}'`;
    return { kind: 'numeric-prefix', reason };
  }
  if (value < 0n) {
    return { kind: 'numeric-prefix', reason: `'${name}' is negative; Triton looks for folder ${2n ** 64n + value}` };
  }
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    return { kind: 'out-of-range', reason: `'${name}' is beyond 2^53 - 1, the highest version that conch serves` };
  }
  return { version: Number(value) };
}

/**
 * The versions that the config's version policy selects from those on disk, ascending. No policy means the highest
 * one; `latest` without a number selects none; a policy that names no choice selects all; `specific` ignores versions
 * that are not there. An empty result means that Triton refuses the model.
 */
export function selectVersions(config: ModelConfig, available: readonly number[]): number[] {
  const sorted = [...new Set(available)].sort((a, b) => a - b);
  const policy = config.version_policy;
  if (policy?.specific) {
    const wanted = new Set((policy.specific.versions ?? []).map((version) => toInteger(version)));
    return sorted.filter((version) => wanted.has(version));
  }
  if (policy !== undefined && policy.latest === undefined) return sorted;
  const count = policy === undefined ? 1 : toInteger(policy.latest?.num_versions, 0);
  return count > 0 ? sorted.slice(-count) : [];
}
