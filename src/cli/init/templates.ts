import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConchError } from '../../base/index.ts';

export const templateNames = ['text-classification', 'text-embedding', 'pytorch', 'onnx'] as const;
export type Template = (typeof templateNames)[number];

export function isTemplate(name: string): name is Template {
  return (templateNames as readonly string[]).includes(name);
}

export interface InitFiles {
  /** By path below the folder. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** What to do then. */
  readonly next: string;
}

/** The files of a template. Without a `source`, an example where there is one, else a place to put the reader's own. */
export async function initFiles(
  template: Template,
  { source, name }: { readonly source?: string; readonly name?: string },
): Promise<InitFiles> {
  if (name !== undefined && !/^[\w][\w.-]*$/.test(name)) {
    throw new ConchError('USAGE', `'${name}' cannot be a model's name`, { fix: 'letters, digits, _, - and .' });
  }
  const ignored = { '.gitignore': 'models/\n' };
  switch (template) {
    case 'text-classification': {
      const example = source === undefined ? await bundledExample() : undefined;
      const entry = [
        `checkpoint: ${quoted(example ? './checkpoint' : (source ?? './checkpoint'))},`,
        ...(example
          ? ["expect: './expected.jsonl',"]
          : ["// expect: './expected.jsonl',   a text a line with its logits, to compare with"]),
        'max_batch_size: 32,',
      ];
      const next =
        example || source !== undefined ? 'conch start' : 'put a checkpoint into ./checkpoint, then conch start';
      return { files: { 'conch.config.ts': deployment(name ?? 'sentiment', entry), ...ignored, ...example }, next };
    }
    case 'text-embedding': {
      const entry = [`checkpoint: ${quoted(source ?? './checkpoint')},`, "layout: 'packed',", 'max_batch_size: 32,'];
      const next = source === undefined ? 'put a sentence encoder into ./checkpoint, then conch start' : 'conch start';
      return { files: { 'conch.config.ts': deployment(name ?? 'embedding', entry), ...ignored }, next };
    }
    case 'pytorch': {
      const entry = [
        `module: ${quoted(source ?? './net.py:Net')},`,
        "inputs: [{ name: 'x', datatype: 'FP32', dims: [4] }],   // what forward takes, without the batch",
        "outputs: ['y'],",
      ];
      const module = source === undefined ? { 'net.py': exampleModule } : {};
      return {
        files: { 'conch.config.ts': deployment(name ?? 'net', entry), ...ignored, ...module },
        next: 'conch env, once, then conch start',
      };
    }
    case 'onnx': {
      const entry = [`onnx: ${quoted(source ?? './model.onnx')},`, 'max_batch_size: 32,'];
      const next = source === undefined ? 'put the file at ./model.onnx, then conch start' : 'conch start';
      return { files: { 'conch.config.ts': deployment(name ?? 'model', entry), ...ignored }, next };
    }
  }
}

function deployment(name: string, entry: readonly string[]): string {
  return `import { defineDeployment } from 'conch-triton';

export default defineDeployment({
  repository: 'models',
  models: {
    ${/^[A-Za-z_]\w*$/.test(name) ? name : quoted(name)}: {
${entry.map((line) => `      ${line}`).join('\n')}
    },
  },
});
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}

/** The small classifier of a checkout; the published package has none. */
async function bundledExample(): Promise<Record<string, Uint8Array> | undefined> {
  const folder = fileURLToPath(new URL('../../../examples/finbert/', import.meta.url));
  if (!existsSync(folder)) return undefined;
  const names = (await readdir(join(folder, 'checkpoint'))).map((file) => `checkpoint/${file}`);
  const files = [...names, 'expected.jsonl'].map(async (file) => [file, await readFile(join(folder, file))] as const);
  return Object.fromEntries(await Promise.all(files));
}

const exampleModule = `from torch import Tensor, nn


class Net(nn.Module):
    """4 numbers in, 1 out; put your own here."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
`;
