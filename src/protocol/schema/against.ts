import type { Difference } from './diff.ts';
import type { ReadOptions } from './release/source.ts';
import type { SchemaName } from './schemas.ts';
import type { SyncResult } from './sync.ts';

/** One of our tables beside a release; `differences` is absent when none of the release's files covers the table. */
export interface SchemaDiff {
  readonly schema: SchemaName;
  readonly messages: number;
  readonly enums: number;
  readonly methods: number;
  readonly differences?: readonly Difference[];
}

export interface ReleaseDiff {
  /** Files and addresses that were read. */
  readonly sources: readonly string[];
  readonly equal: boolean;
  readonly schemas: readonly SchemaDiff[];
}

export interface ReleaseSync extends SyncResult {
  readonly sources: readonly string[];
}

/**
 * Compares our tables (model configuration, gRPC service, health) with a Triton release: folders of .proto files,
 * unpacked `tritonclient` packages, single files, or addresses. Reading them runs nothing.
 *
 * @throws FILE_NOT_FOUND, FILE_INVALID, SERVER_UNREACHABLE, SERVER_ERROR: see `readRelease`.
 */
export async function diffAgainst(sources: readonly string[], options: ReadOptions = {}): Promise<ReleaseDiff> {
  const { readRelease } = await import('./release/release.ts');
  const { schemas, schemaOf } = await import('./schemas.ts');
  const { diffSchemas } = await import('./diff.ts');
  const release = await readRelease(sources, options);
  const compared = schemas.map((own): SchemaDiff => {
    const ours = schemaOf(own);
    const theirs = release.schemas.get(own.name);
    return {
      schema: own.name,
      messages: ours.messages.size,
      enums: ours.enums.size,
      methods: [...ours.services.values()].reduce((sum, methods) => sum + methods.length, 0),
      ...(theirs && { differences: diffSchemas(ours, theirs) }),
    };
  });
  const equal = compared.every(({ differences }) => differences === undefined || differences.length === 0);
  return { sources: release.sources, equal, schemas: compared };
}

/**
 * Makes the tables of a checkout say what a release says, and regenerates the types: see `syncSchemas`.
 *
 * @throws what `diffAgainst` throws, and NOT_SUPPORTED outside a checkout.
 */
export async function syncAgainst(
  sources: readonly string[],
  options: ReadOptions & { readonly root?: string } = {},
): Promise<ReleaseSync> {
  const { readRelease } = await import('./release/release.ts');
  const { syncSchemas } = await import('./sync.ts');
  const release = await readRelease(sources, options);
  return { sources: release.sources, ...(await syncSchemas(release, options.root)) };
}
