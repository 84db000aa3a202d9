import type { ConchError } from '../base/index.ts';
import type { ModelIndexEntry } from '../protocol/index.ts';
import { LoadFailure } from './loader.ts';
import type { ModelOnDisk } from './model-on-disk.ts';
import type { ServedVersion } from './version.ts';

/** A version that does not serve. */
interface Gone {
  state: 'UNLOADING' | 'UNAVAILABLE';
  reason: string;
  /** It could not be loaded, as opposed to: it was taken out of service. */
  readonly failed: boolean;
}

/** A model that the engine knows: its ready versions, and what became of the others. */
export class Model {
  readonly name: string;
  /** Ready versions by number. */
  readonly ready = new Map<number, ServedVersion>();
  /** Asked for and not unloaded since: the server is not ready without it. */
  wanted = false;
  /** Wanted by its own name, not only as a member of an ensemble. */
  explicit = false;
  loading = false;
  /** Why the last load failed. */
  fault: ConchError | undefined;
  /** As of the last load that succeeded, or of an ensemble's last attempt. */
  disk: ModelOnDisk | undefined;
  readonly #gone = new Map<number, Gone>();
  #newest: ServedVersion | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The highest version that is ready. */
  get newest(): ServedVersion | undefined {
    return this.#newest;
  }

  knows(version: number): boolean {
    return this.ready.has(version) || this.#gone.has(version);
  }

  /** Why a version is not ready, as far as is known. */
  reasonOf(version: number): string | undefined {
    return this.#gone.get(version)?.reason;
  }

  /** All its selected versions are ready and healthy. A reload does not change that while the old versions serve. */
  get healthy(): boolean {
    if (this.ready.size === 0) return false;
    for (const { state, failed } of this.#gone.values()) if (failed || state === 'UNLOADING') return false;
    for (const served of this.ready.values()) if (!served.healthy) return false;
    return true;
  }

  /**
   * Puts a new set of versions in the place of the old; those that are not in it finish what they have. Resolves when
   * they have.
   */
  async replace(versions: readonly ServedVersion[], disk: ModelOnDisk): Promise<void> {
    const old = [...this.ready.values()].filter((served) => !versions.includes(served));
    const before = this.disk === disk ? undefined : this.disk;
    this.ready.clear();
    this.#newest = undefined;
    for (const [version, { failed }] of this.#gone) if (failed) this.#gone.delete(version);
    for (const served of versions) {
      this.ready.set(served.version, served);
      if (!this.#newest || served.version > this.#newest.version) this.#newest = served;
      this.#gone.delete(served.version);
    }
    this.disk = disk;
    this.fault = undefined;
    await Promise.all(old.map((served) => this.#retire(served, 'unloaded')));
    await before?.dispose?.();
  }

  /** Takes all versions out of service; resolves when their last requests are done. */
  async withdraw(reason: string): Promise<void> {
    const old = [...this.ready.values()];
    const { disk } = this;
    this.ready.clear();
    this.#newest = undefined;
    await Promise.all(old.map((served) => this.#retire(served, reason)));
    await disk?.dispose?.();
  }

  /** Remembers a failed load. Versions that serve go on serving. */
  fail(thrown: unknown, error: ConchError): void {
    this.fault = error;
    const version = thrown instanceof LoadFailure ? thrown.version : undefined;
    if (version !== undefined && !this.ready.has(version)) {
      this.#gone.set(version, { state: 'UNAVAILABLE', reason: error.message, failed: true });
    }
  }

  index(): ModelIndexEntry[] {
    const { name } = this;
    const rows = [
      ...[...this.ready.keys()].map((version) => ({ version, state: 'READY' as const, reason: undefined })),
      ...[...this.#gone].map(([version, { state, reason }]) => ({
        version,
        state: this.loading ? ('LOADING' as const) : state,
        reason,
      })),
    ].sort((a, b) => a.version - b.version);
    if (rows.length === 0) {
      if (this.loading) return [{ name, state: 'LOADING' }];
      return [this.fault ? { name, state: 'UNAVAILABLE', reason: this.fault.message } : { name }];
    }
    return rows.map(({ version, state, reason }) => ({
      name,
      version: String(version),
      state,
      ...(reason && state !== 'LOADING' && { reason }),
    }));
  }

  async #retire(served: ServedVersion, reason: string): Promise<void> {
    const { version } = served;
    const gone: Gone = { state: 'UNLOADING', reason: '', failed: false };
    const replaced = this.ready.has(version);
    if (!replaced) this.#gone.set(version, gone);
    await served.retire();
    gone.state = 'UNAVAILABLE';
    gone.reason = reason;
  }
}
