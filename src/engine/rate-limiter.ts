import { ConchError } from '../base/index.ts';
import type { ModelConfig, ModelRateLimiter } from '../config/index.ts';

/** Triton's `--rate-limit-resource=name:count[:device]`. */
export interface ResourceLimit {
  readonly name: string;
  readonly count: number;
  /** Of one device only; absent: of every device, and of the resource where it is global. */
  readonly device?: number;
}

/** Everything runs on the processor, which counts as one device. */
const processor = 0;

interface Demand {
  readonly pool: string;
  readonly name: string;
  readonly global: boolean;
  readonly count: number;
}

interface Waiting {
  readonly instance: LimitedInstance;
  readonly run: () => void;
}

/**
 * `--rate-limit=execution_count`: an instance runs only while it holds the resources that its instance group names, and
 * of the instances of all models that want to run the one with the fewest weighted executions goes first; while it lacks
 * a resource nobody overtakes it (Triton core, `rate_limiter.cc`). What no flag limits is there as often as the most
 * demanding instance needs it.
 */
export class RateLimiter {
  readonly #limits: readonly ResourceLimit[];
  readonly #instances = new Set<LimitedInstance>();
  readonly #held = new Map<string, number>();
  #waiting: Waiting[] = [];

  constructor(limits: readonly ResourceLimit[] = []) {
    this.#limits = limits;
  }

  /** Throws MODEL_LOAD_FAILED when what the instance names cannot be had. */
  register(name: string, { resources = [], priority = 0 }: ModelRateLimiter): LimitedInstance {
    const demands = resources.map(({ name: resource = '', global = false, count = 0 }) => ({
      pool: global ? resource : `${resource}\0${processor}`,
      name: resource,
      global,
      count,
    }));
    for (const demand of demands) this.#check(name, demand);
    const instance = new LimitedInstance(this, name, demands, Math.max(1, priority));
    this.#instances.add(instance);
    return instance;
  }

  /** Runs it as soon as its turn has come and its resources are free. */
  enqueue(instance: LimitedInstance, run: () => void): void {
    this.#waiting.push({ instance, run });
    this.#grant();
  }

  /** Takes the resources of a run back. */
  release({ demands }: LimitedInstance): void {
    for (const { pool, count } of demands) this.#held.set(pool, (this.#held.get(pool) ?? 0) - count);
    this.#grant();
  }

  /** Forgets an instance, with what it waited for. */
  remove(instance: LimitedInstance): void {
    this.#instances.delete(instance);
    this.#waiting = this.#waiting.filter((one) => one.instance !== instance);
    this.#grant();
  }

  #grant(): void {
    for (;;) {
      let first: Waiting | undefined;
      for (const one of this.#waiting) if (!first || one.instance.share < first.instance.share) first = one;
      if (!first?.instance.demands.every((demand) => this.#isFree(demand))) return;
      this.#waiting.splice(this.#waiting.indexOf(first), 1);
      for (const { pool, count } of first.instance.demands) this.#held.set(pool, (this.#held.get(pool) ?? 0) + count);
      first.instance.executions += 1;
      first.run();
    }
  }

  #isFree({ pool, name, global, count }: Demand): boolean {
    const limit = this.#limit(name, global) ?? this.#most(pool);
    return (this.#held.get(pool) ?? 0) + count <= limit;
  }

  /** What the flags say of a resource. With flags given, one that they do not name is not there at all. */
  #limit(name: string, global: boolean): number | undefined {
    if (this.#limits.length === 0) return undefined;
    const mine = this.#limits.filter((limit) => limit.name === name);
    const exact = global ? undefined : mine.find(({ device }) => device === processor);
    return (exact ?? mine.find(({ device }) => device === undefined))?.count ?? 0;
  }

  #most(pool: string): number {
    let most = 0;
    for (const { demands } of this.#instances)
      for (const demand of demands) if (demand.pool === pool) most = Math.max(most, demand.count);
    return most;
  }

  #check(instance: string, { name, global, count }: Demand): void {
    const limit = this.#limit(name, global);
    if (limit !== undefined && count > limit) {
      throw refuse(
        `instance '${instance}' needs ${count} of resource '${name}', there are ${limit}`,
        `raise --rate-limit-resource=${name}:${count}, or ask for less`,
      );
    }
    for (const other of this.#instances) {
      if (!other.demands.some((demand) => demand.name === name && demand.global !== global)) continue;
      const [here, there] = global ? ['global', 'per device'] : ['per device', 'global'];
      throw refuse(
        `resource '${name}' is ${here} for instance '${instance}' and ${there} for '${other.name}'`,
        'declare it the same way everywhere',
      );
    }
  }
}

/** An instance as the limiter knows it. */
export class LimitedInstance {
  readonly name: string;
  readonly demands: readonly Demand[];
  executions = 0;
  readonly #limiter: RateLimiter;
  readonly #priority: number;

  constructor(limiter: RateLimiter, name: string, demands: readonly Demand[], priority: number) {
    this.#limiter = limiter;
    this.name = name;
    this.demands = demands;
    this.#priority = priority;
  }

  /** Priority 2 gets half the turns of priority 1. */
  get share(): number {
    return this.executions * this.#priority;
  }

  acquire(run: () => void): void {
    this.#limiter.enqueue(this, run);
  }

  release(): void {
    this.#limiter.release(this);
  }

  close(): void {
    this.#limiter.remove(this);
  }
}

/** What the instance group of a model's `index`-th instance says about its rate. */
export function rateLimiterOf(config: ModelConfig, index: number): ModelRateLimiter {
  const groups = (config.instance_group ?? []).filter((group) => !group.passive);
  let first = 0;
  for (const group of groups) {
    first += Math.max(1, group.count ?? 1);
    if (index < first) return group.rate_limiter ?? {};
  }
  return {};
}

function refuse(message: string, fix: string): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, { where: { path: 'instance_group' }, fix });
}
