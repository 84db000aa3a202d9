import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConchError } from '../../base/index.ts';
import { generateTypes, type ScalarType, type SchemaTable, scalarTypes } from '../../config/index.ts';
import { type Difference, diffSchemas } from './diff.ts';
import { generateProtocolTypes } from './generate.ts';
import { mergeSchema } from './merge.ts';
import type { Release } from './release/release.ts';
import { type OwnSchema, type SchemaName, schemaOf, schemas } from './schemas.ts';
import type { ServiceTable } from './spec.ts';
import { rewriteTable } from './table-source.ts';

export interface SyncResult {
  readonly changes: readonly { readonly schema: SchemaName; readonly differences: readonly Difference[] }[];
  /** Files that were rewritten, from the root of the checkout. */
  readonly written: readonly string[];
  /** New fields and methods, whose sentence was made from their name and type. */
  readonly undocumented: readonly string[];
}

type Table = SchemaTable & { readonly services: ServiceTable };

/** The types that the readers and printers of a configuration handle. */
const configScalars = [
  'string',
  'bool',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'float',
  'double',
] satisfies ScalarType[];
const mapKeys = ['string', 'uint64'];

const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Makes our tables say what a release says, keeping our sentences, and regenerates the types. Nothing is written unless
 * every file can be.
 *
 * @param root of a checkout; by default the one that this module is part of.
 * @throws NOT_SUPPORTED outside a checkout, and for types that conch cannot hold; FILE_INVALID when a table's file is
 * not what the running conch was made from.
 */
export async function syncSchemas(release: Release, root: string = packageRoot): Promise<SyncResult> {
  const sources = await readTables(root);
  const tables = new Map<SchemaName, Table>(schemas.map((own) => [own.name, own]));
  const undocumented: string[] = [];
  const changes = schemas.flatMap((own) => {
    const theirs = release.schemas.get(own.name);
    const differences = theirs ? diffSchemas(schemaOf(own), theirs) : [];
    if (theirs && differences.length > 0) tables.set(own.name, mergeSchema(own, theirs, undocumented));
    return differences.length > 0 ? [{ schema: own.name, differences }] : [];
  });
  requireKnownTypes(tables);
  const [config, grpc, health] = schemas.map((own) => tables.get(own.name)!);
  const texts = new Map(
    changes.map(({ schema }) => {
      const own = schemas.find((candidate) => candidate.name === schema)!;
      return [own.file, rewriteTable(sources.get(own.file)!, own.file, constants(own, tables.get(schema)!))];
    }),
  );
  if (tables.get('model_config') !== schemas[0]) texts.set('src/config/generated.ts', generateTypes(config));
  if (changes.some(({ schema }) => schema !== 'model_config')) {
    texts.set('src/protocol/schema/generated.ts', generateProtocolTypes({ grpc: grpc!, health: health! }));
  }
  for (const [file, text] of texts) await replaceFile(join(root, file), text);
  return { changes, written: [...texts.keys()], undocumented };
}

/** The tables' sources; each must be what this process runs with, or a rewrite would undo an edit. */
async function readTables(root: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for (const own of schemas) {
    const text = await readFile(join(root, own.file), 'utf8').catch((cause) => {
      throw new ConchError('NOT_SUPPORTED', `conch protocol sync rewrites conch's own sources, and ${root} has none`, {
        where: { file: join(root, own.file) },
        fix: 'run it in a checkout of conch; conch protocol diff works anywhere',
        cause,
      });
    });
    if (rewriteTable(text, own.file, constants(own, own)) !== text) {
      throw new ConchError('FILE_INVALID', `${own.file} is not the table that this conch runs with`, {
        where: { file: own.file },
        fix: 'run from source (npm run -s conch -- protocol sync), after npx biome format --write on the file',
      });
    }
    sources.set(own.file, text);
  }
  return sources;
}

function constants(own: OwnSchema, { messages, enums, services }: Table): Record<string, object> {
  return own.name === 'model_config' ? { messages, enums } : { messages, enums, services };
}

function requireKnownTypes(tables: ReadonlyMap<SchemaName, Table>): void {
  const config = tables.get('model_config')!;
  for (const [schema, table] of tables) {
    const scalars: readonly string[] = schema === 'model_config' ? configScalars : scalarTypes;
    const declared = (type: string) =>
      [table, config].some(
        (candidate) => Object.hasOwn(candidate.messages, type) || Object.hasOwn(candidate.enums, type),
      );
    const refuse = (what: string) => {
      throw new ConchError('NOT_SUPPORTED', `${schema}: ${what}`, {
        fix: 'teach the readers in src/config (or the generator) that type first; nothing was written',
      });
    };
    for (const [message, fields] of Object.entries(table.messages)) {
      for (const { name, type, key } of fields) {
        if (!scalars.includes(type) && !declared(type))
          refuse(`${message}.${name} is of type ${type}, which no table holds`);
        if (key !== undefined && !mapKeys.includes(key)) refuse(`${message}.${name} is a map with keys of type ${key}`);
      }
    }
    for (const [service, methods] of Object.entries(table.services)) {
      for (const { name, request, response } of methods) {
        const missing = [request, response].find((type) => !Object.hasOwn(table.messages, type));
        if (missing) refuse(`${service}.${name} takes or gives ${missing}, which no table holds`);
      }
    }
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.conch-tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}
