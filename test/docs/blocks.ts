import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

/** A fenced block of a page. What a test does with it stands in an HTML comment right above the fence. */
export interface Block {
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** `<!-- not run: REASON -->`: only looked at. */
  readonly notRun?: string;
  /** `<!-- exit code 1: REASON -->` or `0 or 1`: of its `conch` commands; 0 unless given. */
  readonly exitCodes: readonly number[];
  /** `<!-- file: NAME -->`: written under this name before the blocks that follow. */
  readonly file?: string;
}

export interface Page {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

const skipped = new Set(['node_modules', '.conch', '.git', 'dist', 'models', 'deploy', 'test']);

/** Every Markdown page of the project. */
export function pages(folder = root): Page[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : pages(path);
    if (!entry.name.endsWith('.md')) return [];
    const text = readFileSync(path, 'utf8');
    return [{ path: relative(root, path), text, blocks: blocksOf(text) }];
  });
}

export function blocksOf(text: string): Block[] {
  const fence = /(?:^<!-- (?<note>[^\n]*?) -->\n)?^```(?<language>\w*)\n(?<body>[\s\S]*?)^```$/gm;
  return [...text.matchAll(fence)].map((match) => {
    const { note = '', language, body } = match.groups!;
    const exit = note.match(/^exit code (\d(?: or \d)*): \S/)?.[1];
    const notRun = note.match(/^not run: (\S.*)$/)?.[1];
    const file = note.match(/^file: (\S+)$/)?.[1];
    return {
      line: text.slice(0, match.index).split('\n').length,
      language: language!,
      text: body!,
      exitCodes: exit ? exit.split(' or ').map(Number) : [0],
      ...(notRun !== undefined && { notRun }),
      ...(file !== undefined && { file }),
    };
  });
}

/** Code spans of the running text, fenced blocks left out. */
export function codeSpans(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
}
