import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';

/** What nbformat 4 says of a notebook, as far as it is used here. */
export interface Notebook {
  cells: Cell[];
  metadata: Record<string, unknown>;
  nbformat: number;
  nbformat_minor: number;
}

export interface Cell {
  cell_type: 'code' | 'markdown';
  id: string;
  source: string[];
  metadata: Record<string, unknown>;
  execution_count?: number | null;
  outputs?: Output[];
}

export type Output =
  | { output_type: 'stream'; name: 'stdout' | 'stderr'; text: string[] }
  | { output_type: 'display_data'; data: Record<string, string[]>; metadata: Record<string, unknown> };

interface Executor {
  execute(source: string): Promise<boolean>;
  close(): void;
}

const require = createRequire(import.meta.url);

/**
 * Runs a notebook's cells in order with tslab's own converter (types are checked) and executor, without Jupyter; returns
 * it with their outputs. Throws at the first cell that fails, with what it printed.
 */
export async function executeNotebook(notebook: Notebook, path: string): Promise<Notebook> {
  const folder = dirname(resolve(path));
  // As under Jupyter, whose kernels run in the notebook's folder.
  process.chdir(folder);
  const { createConverter } = require('tslab/dist/converter.js');
  const { createExecutor } = require('tslab/dist/executor.js');
  const jupyter = require('tslab/dist/jupyter.js');
  const converter = createConverter({ cwd: folder });
  let outputs: Output[] = [];
  const say = (name: 'stdout' | 'stderr') => (text: string) => {
    outputs.push({ output_type: 'stream', name, text: asLines(text) });
  };
  const { format } = require('node:util');
  const print = {
    log: (...parts: unknown[]) => say('stdout')(`${format(...parts)}\n`),
    error: (...parts: unknown[]) => say('stderr')(`${format(...parts)}\n`),
  };
  jupyter.lastWriteDisplayData = ({ data }: { data: Record<string, string> }) => {
    const lines = Object.entries(data).map(([type, text]) => [type, asLines(text)]);
    outputs.push({ output_type: 'display_data', data: Object.fromEntries(lines), metadata: {} });
  };
  const convs = { node: converter, browser: converter, close: () => converter.close() };
  const executor: Executor = createExecutor(folder, convs, print);
  const log = console.log;
  console.log = print.log;
  try {
    const cells: Cell[] = [];
    let count = 0;
    for (const cell of notebook.cells) {
      if (cell.cell_type !== 'code') {
        cells.push(cell);
        continue;
      }
      outputs = [];
      const good = await executor.execute(cell.source.join(''));
      if (!good) throw new Error(`${path}: cell ${count + 1} failed:\n${cell.source.join('')}\n${texts(outputs)}`);
      cells.push({ ...cell, execution_count: ++count, outputs: joined(outputs) });
    }
    return { ...notebook, cells };
  } finally {
    console.log = log;
    executor.close();
  }
}

function texts(outputs: readonly Output[]): string {
  return outputs.flatMap((output) => ('text' in output ? output.text : [])).join('');
}

/** Streams that follow each other are one. */
function joined(outputs: readonly Output[]): Output[] {
  const all: Output[] = [];
  for (const output of outputs) {
    const last = all.at(-1);
    if (output.output_type === 'stream' && last?.output_type === 'stream' && last.name === output.name) {
      last.text.push(...output.text);
    } else all.push(output);
  }
  return all;
}

/** nbformat keeps texts as lists of lines with their ends. */
export function asLines(text: string): string[] {
  return text.split(/(?<=\n)/);
}
