import { readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';

/** How busy the machine was before a measurement: what else ran is part of its result. */
export function loadBefore(): string {
  return `load of the machine before: ${loadavg()[0]!.toFixed(1)}`;
}

/** Markdown table of equally long rows, the first being the header. */
export function table(rows: readonly (readonly string[])[]): string {
  const [header, ...body] = rows;
  return [header!, header!.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` in a file of docs/ (benchmarks.md), or appends it. */
export async function writeSection(
  name: string,
  title: string,
  markdown: string,
  document = 'benchmarks.md',
): Promise<void> {
  const file = new URL(`../docs/${document}`, import.meta.url);
  const text = await readFile(file, 'utf8').catch(
    () => '# Benchmarks\n\nWritten by the scripts in `bench/`, each with `--write`.\n',
  );
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const block = `${start}\n${markdown}\n${end}`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  const replaced =
    from >= 0 && to > from
      ? text.slice(0, from) + block + text.slice(to + end.length)
      : `${text.trimEnd()}\n\n## ${title}\n\n${block}\n`;
  await writeFile(file, replaced);
}
