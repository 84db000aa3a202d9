import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConchError } from '../base/index.ts';

/** config.json as Hugging Face writes it: what every architecture has, the rest untouched. */
export type ModelConfigJson = z.infer<typeof configSchema>;

const configSchema = z.looseObject({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.number().int().positive().nullish(),
});

/** Reads `dir`/config.json; throws CHECKPOINT_INVALID naming file and field. */
export async function readConfig(dir: string): Promise<ModelConfigJson> {
  const file = join(dir, 'config.json');
  let text: string;
  try {
    // Asked before reading: a pipe that nobody writes to would never end.
    if (!(await stat(file)).isFile()) throw new Error('not a regular file');
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConchError('CHECKPOINT_INVALID', `${dir} has no config.json that can be read`, {
      where: { file },
      fix: 'hand over the folder that save_pretrained wrote: config.json, model.safetensors and the tokenizer files',
      cause,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ConchError('CHECKPOINT_INVALID', `${file} is not JSON: ${(cause as Error).message}`, {
      where: { file },
      fix: 'write it again with save_pretrained, or take the file from the checkpoint anew',
    });
  }
  return checkConfig(configSchema, json, file);
}

/**
 * `config` as `schema` wants it; throws CHECKPOINT_INVALID naming the file and the first field that is wrong. For the
 * fields of one architecture.
 */
export function checkConfig<T>(schema: z.ZodType<T>, config: unknown, file: string): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.join('.') || '(the file)';
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], config);
  const came = value === undefined ? 'is missing' : `is ${JSON.stringify(value)?.slice(0, 60)}`;
  throw new ConchError('CHECKPOINT_INVALID', `${file}: field '${field}' ${came}: ${issue.message}`, {
    where: { file, path: field },
  });
}
