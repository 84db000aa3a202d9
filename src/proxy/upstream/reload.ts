import { ConchError, type Logger, toConchError } from '../../base/index.ts';
import { type ModelConfig, withoutDefaults } from '../../config/index.ts';
import type { InferenceResponse } from '../../protocol/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { within } from '../deadline.ts';
import { compareResponses, isFiniteThroughout } from './compare.ts';
import type { Endpoint } from './endpoint.ts';
import type { RoutedClient } from './routed-client.ts';

export interface ReloadOptions {
  /**
   * The version to go to; the one after the newest that is served unless given. Its folder must be in the servers'
   * repositories; that of today may be changed in place.
   */
  readonly version?: string | undefined;
  /** Inputs that the new version must answer, with finite numbers, before it gets any traffic; each warms it up, too. */
  readonly probes: readonly (readonly Tensor[])[];
  /** Most that its answers to the probes may differ from today's; not compared unless given. */
  readonly tolerance?: number;
  /** How often each probe is sent, for warming up; default 3. */
  readonly warmUps?: number;
  /** Milliseconds for loading on one server; default 600,000. */
  readonly loadTimeoutMs?: number;
  /** Milliseconds that inferences on the old version get to finish before it is unloaded; default 30,000. */
  readonly drainMs?: number;
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
  /** Called when the traffic has been switched, e.g. to read the model's description again. */
  readonly onSwitch?: () => void;
}

export interface ReloadReport {
  readonly model: string;
  readonly from: readonly string[];
  readonly to: string;
  /** Milliseconds on each server. */
  readonly servers: readonly { readonly server: string; readonly loadMs: number; readonly warmMs: number }[];
  readonly maxAbsDifference?: number;
  /** False: inferences on the old version were still under way when it was unloaded; the server finishes them. */
  readonly drained: boolean;
  /** What did not go well without being a failure, e.g. that the old version could not be unloaded. */
  readonly warnings: readonly string[];
}

type Options = ReloadOptions & { readonly version: string };

/** One reload of a model at a time: two of them would take each other's versions away. */
const reloading = new WeakMap<RoutedClient, Set<string>>();

/**
 * Goes from the versions of a model that are served to another one, with no request failing: every server loads the new
 * version beside the old, it is warmed up and tried with probes, all traffic is switched at once, and when nothing is
 * under way on the old version it is unloaded. Whatever goes wrong before the switch leaves the old version serving and
 * takes the new one away again.
 *
 * The servers must let their models be controlled (`--model-control-mode=explicit`). A version that is replaced in place
 * cannot stand beside itself: servers take turns then, each out of rotation while it loads; the only server of a model
 * swaps by itself, so that the probes come after the switch.
 * @throws REQUEST_INVALID for versions that cannot be; MODEL_LOAD_FAILED with what went wrong, and where.
 */
export async function reloadModel(client: RoutedClient, model: string, given: ReloadOptions): Promise<ReloadReport> {
  if (given.version !== undefined && !/^[1-9]\d{0,18}$/.test(given.version)) {
    throw new ConchError('REQUEST_INVALID', `version: expected a whole number above 0, got '${given.version}'`);
  }
  const busy = reloading.get(client) ?? new Set();
  reloading.set(client, busy);
  if (busy.has(model)) throw new ConchError('REQUEST_INVALID', `model '${model}' is being reloaded already`);
  if (client.versions.get(model)) {
    throw new ConchError('REQUEST_INVALID', `the traffic of model '${model}' is shared out between versions`, {
      fix: 'give it to one version first: DELETE /admin/models/<name>/route',
    });
  }
  busy.add(model);
  try {
    await client.spread.look();
    const endpoints = client.spread.endpoints.filter((endpoint) => endpoint.health !== 'unreachable');
    const from = await servedVersions(client, model, given.signal);
    const options = { ...given, version: given.version ?? String(BigInt(from.at(-1)!) + 1n) };
    return from.includes(options.version)
      ? await replaceInPlace(model, endpoints, from, options)
      : await switchVersions(client, model, endpoints, from, options);
  } finally {
    busy.delete(model);
    void client.spread.look();
  }
}

async function switchVersions(
  client: RoutedClient,
  model: string,
  endpoints: readonly Endpoint[],
  from: readonly string[],
  options: Options,
): Promise<ReloadReport> {
  const { version, signal, logger, drainMs = 30_000 } = options;
  const { versions } = client;
  const old = from.at(-1)!;
  const warnings: string[] = [];
  const servers: ReloadReport['servers'][number][] = [];
  let worst: number | undefined;
  // From here on no load changes where requests go. Those that were sent before may still arrive after it.
  versions.pin(model, old);
  try {
    await client.drained(model, '', AbortSignal.timeout(drainMs));
    for (const endpoint of endpoints) {
      signal?.throwIfAborted();
      const startedAt = performance.now();
      await load(endpoint, model, [...from, version], options);
      if (!(await endpoint.client.isModelReady(model, version, signal))) {
        throw new ConchError(
          'MODEL_LOAD_FAILED',
          `${endpoint.url} did not make version ${version} of '${model}' ready`,
          {
            fix: `see that the folder ${model}/${version} is in its repository, and what its log says`,
          },
        );
      }
      const loadedAt = performance.now();
      const difference = await tryOut(endpoint, model, options, old);
      if (difference !== undefined) worst = Math.max(worst ?? 0, difference);
      servers.push({
        server: endpoint.url,
        loadMs: Math.round(loadedAt - startedAt),
        warmMs: Math.round(performance.now() - loadedAt),
      });
    }
  } catch (thrown) {
    const left = await takeBack(endpoints, model, from, version, options);
    // A version that could not be taken away must not get what names no version.
    if (left.length === 0) versions.unpin(model);
    else logger?.error({ model, version, servers: left }, `version ${version} stays loaded, without traffic`);
    throw failed(model, version, old, thrown);
  }
  versions.pin(model, version);
  options.onSwitch?.();
  logger?.info({ model, from, to: version }, `model '${model}' is served by version ${version} now`);
  const drained = (
    await Promise.all(from.map((one) => client.drained(model, one, AbortSignal.timeout(drainMs))))
  ).every(Boolean);
  for (const endpoint of endpoints) {
    await load(endpoint, model, [version], options).catch((thrown) => {
      warnings.push(`${endpoint.url} did not unload version ${from.join(', ')}: ${toConchError(thrown).message}`);
    });
  }
  // Where the old version is still there, the new one is the newest only if its number is the higher.
  if (warnings.length === 0) versions.unpin(model);
  return {
    ...{ model, from, to: version, servers, drained, warnings },
    ...(worst !== undefined && { maxAbsDifference: worst }),
  };
}

/** Servers one after the other, each out of rotation while another has the model. */
async function replaceInPlace(
  model: string,
  endpoints: readonly Endpoint[],
  from: readonly string[],
  options: Options,
): Promise<ReloadReport> {
  const { version, signal, drainMs = 30_000 } = options;
  const servers: ReloadReport['servers'][number][] = [];
  let drained = true;
  for (const endpoint of endpoints) {
    const alone = !endpoints.some((other) => other !== endpoint && other.inRotation && other.has(model, version));
    endpoint.paused = !alone;
    const startedAt = performance.now();
    try {
      if (!alone) drained = (await idle(endpoint, drainMs)) && drained;
      await load(endpoint, model, from, options);
    } catch (thrown) {
      // A load that fails leaves the server with what it had.
      endpoint.paused = false;
      throw failed(model, version, version, thrown);
    }
    const loadedAt = performance.now();
    try {
      if (!(await endpoint.client.isModelReady(model, version, signal))) {
        throw new ConchError('MODEL_NOT_READY', `${endpoint.url} does not have it ready`);
      }
      await tryOut(endpoint, model, { ...options, version });
    } catch (thrown) {
      const where = alone ? 'it is serving it' : 'it stays out of rotation until the next reload';
      throw new ConchError('MODEL_LOAD_FAILED', `${endpoint.url}: ${toConchError(thrown).message}; ${where}`, {
        cause: thrown,
      });
    }
    endpoint.paused = false;
    const [loadMs, warmMs] = [loadedAt - startedAt, performance.now() - loadedAt].map(Math.round);
    servers.push({ server: endpoint.url, loadMs: loadMs!, warmMs: warmMs! });
  }
  options.onSwitch?.();
  return { model, from, to: version, servers, drained, warnings: [] };
}

/** Ready versions, ascending. @throws MODEL_NOT_FOUND */
async function servedVersions(client: RoutedClient, model: string, signal?: AbortSignal): Promise<string[]> {
  const rows = (await client.index(signal)).filter(({ name, state }) => name === model && state === 'READY');
  if (rows.length === 0) throw new ConchError('MODEL_NOT_FOUND', `no server has model '${model}' ready`);
  return rows.map(({ version }) => version ?? '1').sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

/**
 * Loads these versions and no others. Without the list the repository's configuration would choose, and a version that
 * nobody has tried yet could come along.
 */
async function load(
  endpoint: Endpoint,
  model: string,
  versions: readonly string[],
  { loadTimeoutMs = 600_000, signal }: Options,
): Promise<void> {
  const { client } = endpoint;
  if (!client.loadModel) throw new ConchError('NOT_SUPPORTED', `${endpoint.url} cannot be told to load models`);
  const config = await configWith(endpoint, model, versions, signal);
  await client.loadModel(model, { config, timeoutMs: loadTimeoutMs, signal });
}

/** The configuration in force with another choice of versions; Triton then loads and unloads those alone. */
async function configWith(
  { client }: Endpoint,
  model: string,
  versions: readonly string[],
  signal?: AbortSignal,
): Promise<ModelConfig> {
  const config = withoutDefaults(await client.modelConfig(model, undefined, signal));
  return { ...config, version_policy: { specific: { versions: versions.map(BigInt) } } };
}

/** Sends the probes to the new version on one server. Resolves to the largest difference from the old, if compared. */
async function tryOut(
  endpoint: Endpoint,
  model: string,
  { version, probes, tolerance, warmUps = 3, signal }: Options,
  old?: string,
): Promise<number | undefined> {
  const ask = (inputs: readonly Tensor[], of: string) =>
    within(60_000, signal, (limit) => endpoint.client.infer({ model, version: of, inputs, signal: limit }));
  let worst: number | undefined;
  for (const inputs of probes) {
    let answer: InferenceResponse | undefined;
    for (let time = 0; time < Math.max(1, warmUps); time++) answer = await ask(inputs, version);
    if (old === undefined) {
      if (!isFiniteThroughout(answer!)) throw new ConchError('MODEL_LOAD_FAILED', 'it answers with NaN or Infinity');
      continue;
    }
    const before = await ask(inputs, old);
    if (!isFiniteThroughout(answer!) && isFiniteThroughout(before)) {
      throw new ConchError('MODEL_LOAD_FAILED', `on ${endpoint.url} it answers a probe with NaN or Infinity`);
    }
    if (tolerance === undefined) continue;
    const { maxAbsDifference, mismatch } = compareResponses(before, answer!);
    if (mismatch !== undefined || maxAbsDifference > tolerance) {
      const what = mismatch ?? `differs by ${maxAbsDifference}, more than ${tolerance}`;
      throw new ConchError('MODEL_LOAD_FAILED', `on ${endpoint.url} its answer to a probe: ${what}`);
    }
    worst = Math.max(worst ?? 0, maxAbsDifference);
  }
  return worst;
}

/** Takes the new version away again. Answers the servers that still have it. */
async function takeBack(
  endpoints: readonly Endpoint[],
  model: string,
  from: readonly string[],
  version: string,
  options: Options,
): Promise<string[]> {
  const { signal: _, ...whatever } = options;
  const left = await Promise.all(
    endpoints.map(async (endpoint) => {
      await load(endpoint, model, from, whatever).catch(() => {});
      const still = await endpoint.client.isModelReady(model, version).catch(() => true);
      return still ? [endpoint.url] : [];
    }),
  );
  return left.flat();
}

async function idle(endpoint: Endpoint, drainMs: number): Promise<boolean> {
  const deadline = performance.now() + drainMs;
  while (endpoint.inFlight > 0 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 5));
  return endpoint.inFlight === 0;
}

function failed(model: string, version: string, old: string, thrown: unknown): ConchError {
  const { message, fix } = toConchError(thrown);
  const stays = `version ${old} goes on serving`;
  return new ConchError('MODEL_LOAD_FAILED', `version ${version} of '${model}' was not taken: ${message}; ${stays}`, {
    cause: thrown,
    ...(fix !== undefined && { fix }),
  });
}
