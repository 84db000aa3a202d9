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
        example ? "checkpoint: './checkpoint'," : checkpointOf(source, 'ProsusAI/finbert'),
        ...(example
          ? ["expect: './expected.jsonl',"]
          : ["// expect: './expected.jsonl',   a text a line with its logits, to compare with"]),
        'max_batch_size: 32,',
      ];
      const next =
        example || source !== undefined ? 'conch start' : placeCheckpoint('a text classifier', 'ProsusAI/finbert');
      return { files: { 'conch.config.ts': deployment(name ?? 'sentiment', entry), ...ignored, ...example }, next };
    }
    case 'text-embedding': {
      const hub = 'sentence-transformers/all-MiniLM-L6-v2';
      const entry = [checkpointOf(source, hub), "layout: 'packed',", 'max_batch_size: 32,'];
      const next = source === undefined ? placeCheckpoint('a sentence encoder', hub) : 'conch start';
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
        next: 'conch env, once (PyTorch, 5.7 GB on Linux), then conch start',
      };
    }
    case 'onnx': {
      const entry = [`onnx: ${quoted(source ?? './model.onnx')},`, 'max_batch_size: 32,'];
      const next =
        source === undefined
          ? 'put the file, whose first dimension is the batch, at ./model.onnx, then conch start'
          : 'conch start';
      return { files: { 'conch.config.ts': deployment(name ?? 'model', entry), ...ignored }, next };
    }
  }
}

/** The line of a checkpoint; where there is none yet it says what goes there. */
function checkpointOf(source: string | undefined, hub: string): string {
  return source === undefined
    ? `checkpoint: './checkpoint',   // or a model's name on the Hugging Face hub: '${hub}'`
    : `checkpoint: ${quoted(source)},`;
}

function placeCheckpoint(what: string, hub: string): string {
  return `put the folder of ${what} (config.json, tokenizer, weights) at ./checkpoint, or write the name of one on the Hugging Face hub, such as ${hub}, into conch.config.ts; then conch start`;
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
