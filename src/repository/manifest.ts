import { z } from 'zod';
import { ConchError } from '../base/index.ts';

/** The manifest's name in a model's folder. */
export const manifestFile = 'conch.json';

const hash = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex digits>');
const path = z.string().refine((file) => !file.split(/[/\\]/).some((part) => part === '' || part === '..'), {
  error: "expected a path inside the model's folder",
});
const record = z.record(z.string(), z.unknown());

/** conch.json, format 1. Fields that this release does not know are kept. */
const schema = z.looseObject({
  format: z.literal(1),
  name: z.string(),
  version: z.number().int().min(0),
  inputsHash: z.string().min(1),
  inputs: z.record(z.string(), z.string()),
  artifacts: z.record(path, z.object({ hash, size: z.number().int().min(0) })),
  tool: z.object({ name: z.string(), version: z.string(), node: z.string() }),
  target: z.string(),
  created: z.string(),
  source: record,
  tensors: record,
  accuracy: record.optional(),
});

/** conch.json, beside config.pbtxt: what a model was made from, with what, and what came out. */
export interface Manifest {
  format: 1;
  name: string;
  /** The version folder that it describes. */
  version: number;
  /** Hash over everything that decides the result; equal means that compiling again gives the same. */
  inputsHash: string;
  /** Hashes of the single inputs, by name or path. */
  inputs: Record<string, string>;
  /** Every file written, by path relative to the model's folder; sizes in bytes. */
  artifacts: Record<string, { hash: string; size: number }>;
  tool: { name: string; version: string; node: string };
  /** For example `triton:26.07`. */
  target: string;
  /** ISO 8601. */
  created: string;
  source: Record<string, unknown>;
  tensors: Record<string, unknown>;
  accuracy?: Record<string, unknown> | undefined;
  [key: string]: unknown;
}

/** The manifest in `text`; FILE_INVALID, naming the field, when it is not one. */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConchError('FILE_INVALID', `${manifestFile} is not JSON: ${(error as Error).message}`, {
      where: { file },
      fix: 'compile the model again',
      cause: error,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as Manifest;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.join('.');
  throw new ConchError('FILE_INVALID', `${manifestFile}: ${path ? `${path}: ` : ''}${issue.message}`, {
    where: { file, ...(path ? { path } : {}) },
    fix: 'compile the model again',
  });
}

export function printManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, (_key, value) => (typeof value === 'bigint' ? Number(value) : value), 2)}\n`;
}
