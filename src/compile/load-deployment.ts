import { existsSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ConchError } from '../base/index.ts';
import { layouts } from './architectures/index.ts';
import { deployFields } from './deploy-settings.ts';
import type { Deployment } from './deployment.ts';
import { precisions } from './lowering/lower.ts';
import { moduleFields } from './module-schema.ts';
import { tensorrtField } from './tensorrt/settings.ts';

/** A deployment that was read and checked, with the folder that its relative paths start from. */
export interface LoadedDeployment {
  readonly deployment: Deployment;
  /** Absolute path of the deployment file; undefined for one built from command-line arguments. */
  readonly file: string | undefined;
  /** Absolute folder that relative paths in the deployment start from. */
  readonly baseDir: string;
}

export const deploymentFileNames = ['conch.config.ts', 'conch.config.mts', 'conch.config.js', 'conch.config.mjs'];

const activation = z.enum(['identity', 'relu', 'gelu', 'gelu_new', 'gelu_pytorch_tanh', 'silu', 'tanh', 'sigmoid']);
const layer = z.strictObject({ name: z.string().min(1), activation: activation.optional() });
// Triton's own messages are typed at compile time and checked in whole by `conch check` after printing.
const message = z.record(z.string(), z.unknown());
const configSettings = {
  dynamic_batching: message.optional(),
  instance_group: z.array(message).optional(),
  version_policy: message.optional(),
  optimization: message.optional(),
  parameters: z.record(z.string(), message).optional(),
  response_cache: message.optional(),
  metric_tags: z.record(z.string(), z.string()).optional(),
  model_warmup: z.array(message).optional(),
};
const modelSettings = {
  ...configSettings,
  max_batch_size: z.int().min(0).optional(),
  version: z.int().min(1).optional(),
  expect: z.string().min(1).optional(),
  tolerance: z.number().positive().optional(),
};
const share = z.number().min(0).max(1).optional();
const loweringFields = {
  precision: z.enum(precisions).optional(),
  reduce_range: z.boolean().optional(),
  gate: z
    .strictObject({
      max_error: z.number().min(0).optional(),
      label_agreement: share,
      score_loss: z.number().min(0).optional(),
      mean_cosine: z.number().min(-1).max(1).optional(),
      cosine: z.number().min(-1).max(1).optional(),
    })
    .optional(),
};
const checkpointModel = z.strictObject({
  ...modelSettings,
  ...loweringFields,
  checkpoint: z.string().min(1),
  revision: z.string().min(1).optional(),
  max_length: z.int().min(3).optional(),
  layout: z.enum(layouts).optional(),
  text_pair: z.boolean().optional(),
  tensorrt: tensorrtField,
  tokenizer: z.strictObject(configSettings).optional(),
  model: z.strictObject(configSettings).optional(),
});
const mlpModel = z.strictObject({
  ...modelSettings,
  weights: z.string().min(1),
  layers: z.array(layer).min(1),
  input: z.string().min(1).optional(),
  output: z.string().min(1).optional(),
});
const schemas = {
  checkpoint: checkpointModel,
  weights: mlpModel,
  module: z.strictObject({ ...modelSettings, ...moduleFields }),
  onnx: z.strictObject({
    ...modelSettings,
    ...loweringFields,
    onnx: z.string().min(1),
    opset: z.int().min(1).optional(),
    tensorrt: tensorrtField,
    sample: moduleFields.sample,
  }),
};
const outer = z.strictObject({
  repository: z.string().min(1).optional(),
  target: z.string().min(1).optional(),
  deploy: deployFields.optional(),
  models: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** The deployment file in `dir`, or undefined. */
export function findDeploymentFile(dir: string): string | undefined {
  return deploymentFileNames.map((name) => resolve(dir, name)).find((path) => existsSync(path));
}

/** Imports and checks a deployment file. Throws FILE_NOT_FOUND or DEPLOYMENT_INVALID naming the file and field. */
export async function loadDeployment(path: string): Promise<LoadedDeployment> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw new ConchError('FILE_NOT_FOUND', `no deployment file at ${path}`, {
      fix: `create ${deploymentFileNames[0]}, or name a checkpoint: conch compile ./checkpoint --name finbert --out models`,
    });
  }
  hookImports();
  let exported: { default?: unknown };
  try {
    exported = await import(`${pathToFileURL(file).href}${asOfNow(file)}`);
  } catch (error) {
    throw new ConchError('DEPLOYMENT_INVALID', `${path} cannot be run: ${(error as Error).message}`, {
      where: { file: path },
      cause: error,
      ...(/outside a module|Unexpected token 'export'/.test((error as Error).message) && {
        fix: 'name it conch.config.ts or .mjs, or set "type": "module" in package.json',
      }),
    });
  }
  if (exported.default === undefined) {
    throw new ConchError('DEPLOYMENT_INVALID', `${path} has no default export`, {
      where: { file: path },
      fix: 'export default defineDeployment({ models: { ... } })',
    });
  }
  return { deployment: checkDeployment(exported.default, path), file, baseDir: dirname(file) };
}

/** When each file had changed last as it was imported first. */
const firstSeen = new Map<string, number>();

/** Modules are imported once; one that has changed since needs another address. What it imports itself stays as it was. */
function asOfNow(file: string): string {
  const changed = statSync(file).mtimeMs;
  const first = firstSeen.get(file) ?? changed;
  firstSeen.set(file, first);
  return changed === first ? '' : `?changed=${changed}`;
}

let hooked = false;

/**
 * Lets a deployment file import `conch-triton` wherever it lies (the running package answers, installed there or not)
 * and be an ECMAScript module even where the nearest package.json says `"type": "commonjs"`, as `npm init` writes it.
 */
function hookImports(): void {
  if (hooked) return;
  hooked = true;
  const own = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'conch-triton') return { url: own, shortCircuit: true };
      const resolved = next(specifier, context);
      const isTypeScript = /\.m?ts(\?|$)/.test(resolved.url) && !resolved.url.includes('/node_modules/');
      return isTypeScript ? { ...resolved, format: 'module-typescript' } : resolved;
    },
  });
}

/** `value` as a Deployment; throws DEPLOYMENT_INVALID listing every wrong field. `source` names it in messages. */
export function checkDeployment(value: unknown, source: string): Deployment {
  const problems: string[] = [];
  const parsed = outer.safeParse(value);
  if (!parsed.success) problems.push(...describe(parsed.error, ''));
  else {
    const models = Object.entries(parsed.data.models);
    if (models.length === 0) problems.push('models: expected at least one model, got none');
    for (const [name, model] of models) {
      const path = `models.${name}`;
      const kinds = (Object.keys(schemas) as (keyof typeof schemas)[]).filter((key) => model[key] !== undefined);
      if (kinds.length !== 1) {
        const got = kinds.length === 0 ? `only ${Object.keys(model).join(', ') || 'nothing'}` : kinds.join(' and ');
        problems.push(`${path}: expected one of 'checkpoint', 'weights', 'module' and 'onnx', got ${got}`);
        continue;
      }
      const result = schemas[kinds[0]!].safeParse(model);
      if (!result.success) problems.push(...describe(result.error, path));
    }
  }
  if (problems.length > 0) {
    throw new ConchError('DEPLOYMENT_INVALID', `${source}: ${problems.join('; ')}`, {
      where: { file: source },
      fix: 'see the types of defineDeployment in conch-triton',
    });
  }
  return value as Deployment;
}

function describe(error: z.ZodError, prefix: string): string[] {
  return error.issues.map((issue) => {
    const path = [prefix, ...issue.path.map(String)].filter(Boolean).join('.') || 'the default export';
    return `${path}: ${issue.message[0]!.toLowerCase()}${issue.message.slice(1)}`;
  });
}
