import { ConchError } from '../../../base/index.ts';
import { type OwnSchema, type SchemaName, schemas } from '../schemas.ts';
import type { FieldShape, Schema } from '../spec.ts';
import { invalid, type ProtoFile } from './proto-file.ts';
import { resolveTypes } from './resolve.ts';
import { type ReadOptions, readSources } from './source.ts';

/** What was read of a Triton release: the schemas that its files declare. One that they do not cover is absent. */
export interface Release {
  /** Files and addresses that were read. */
  readonly sources: readonly string[];
  readonly schemas: ReadonlyMap<SchemaName, Schema>;
}

/**
 * Reads a Triton release from folders (of .proto files, or an unpacked `tritonclient`), single files of either kind,
 * or addresses of .proto files.
 *
 * @throws FILE_NOT_FOUND, FILE_INVALID (with file and line), SERVER_UNREACHABLE, SERVER_ERROR.
 */
export async function readRelease(sources: readonly string[], options: ReadOptions = {}): Promise<Release> {
  const packages = new Set(schemas.map((schema) => schema.package));
  const read = await readSources(sources, packages, options);
  const files = resolveTypes(read.filter((file) => packages.has(file.package)));
  const found = new Map<SchemaName, Schema>();
  const config = files.filter((file) => file.package === 'inference');
  const configTypes = typesOfConfig(config);
  for (const own of schemas) {
    const inPackage = files.filter((file) => file.package === own.package);
    if (!inPackage.some((file) => declares(file, own))) continue;
    const belongs = (name: string) =>
      own.package !== 'inference' || (own.name === 'model_config') === configTypes(name);
    found.set(own.name, collect(inPackage, own.package, belongs));
  }
  if (found.size === 0) {
    throw new ConchError(
      'FILE_INVALID',
      `${sources.join(', ')}: no file declares the message inference.ModelConfig, ` +
        'the service inference.GRPCInferenceService or grpc.health.v1.Health',
      { fix: "name the folder of a Triton release's .proto files, or an unpacked tritonclient" },
    );
  }
  return { sources: read.map((file) => file.source), schemas: found };
}

function declares(file: ProtoFile, { anchor, package: packageName }: OwnSchema): boolean {
  return 'message' in anchor
    ? file.messages.has(`${packageName}.${anchor.message}`)
    : file.services.has(`${packageName}.${anchor.service}`);
}

/**
 * Whether a type of package `inference` belongs to the model configuration rather than to the gRPC service: where our
 * tables have it; else where the release's ModelConfig reaches it or the file of ModelConfig declares it.
 */
function typesOfConfig(files: readonly ProtoFile[]): (name: string) => boolean {
  const [config, grpc] = schemas.map((own) => new Set([...Object.keys(own.messages), ...Object.keys(own.enums)]));
  const reached = new Set<string>();
  const root = 'inference.ModelConfig';
  const fields = new Map(files.flatMap((file) => [...file.messages]));
  const waiting = [
    root,
    ...files.filter((file) => file.messages.has(root)).flatMap((file) => [...file.messages.keys()]),
  ];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    waiting.push(...(fields.get(name) ?? []).map((field) => field.type));
  }
  const declaring = files.find((file) => file.messages.has(root));
  return (name) => {
    const local = name.slice('inference.'.length);
    if (config!.has(local)) return true;
    return !grpc!.has(local) && (reached.has(name) || declaring?.enums.has(name) === true);
  };
}

/** One schema out of the files, with names relative to its package. */
function collect(files: readonly ProtoFile[], packageName: string, belongs: (name: string) => boolean): Schema {
  const relative = (name: string) => (name.startsWith(`${packageName}.`) ? name.slice(packageName.length + 1) : name);
  const merge = <T>(pick: (file: ProtoFile) => ReadonlyMap<string, T>, convert: (value: T) => T) => {
    const merged = new Map<string, T>();
    const origin = new Map<string, string>();
    for (const file of files) {
      for (const [name, value] of pick(file)) {
        if (!belongs(name)) continue;
        const converted = convert(value);
        const before = merged.get(relative(name));
        if (before !== undefined && plain(before) !== plain(converted)) {
          throw invalid(file.source, `declares ${name} otherwise than ${origin.get(name)}`);
        }
        merged.set(relative(name), converted);
        origin.set(name, file.source);
      }
    }
    return merged;
  };
  return {
    messages: merge(
      (file) => file.messages,
      (fields) => fields.map((field): FieldShape => ({ ...field, type: relative(field.type) })),
    ),
    enums: merge(
      (file) => file.enums,
      (values) => values,
    ),
    services: merge(
      (file) => file.services,
      (methods) =>
        methods.map((method) => ({
          ...method,
          request: relative(method.request),
          response: relative(method.response),
        })),
    ),
  };
}

/** A comparable form: maps compare by their entries. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (inner instanceof Map ? [...inner] : inner));
}
