import { ConchError } from '../base/index.ts';
import type { ModelEntry } from './entry.ts';

/** The labels of a label file: one a line, the first line is class 0. A final line break ends the last label. */
export function parseLabels(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** The content of a label file. A label with a line break would shift all that follow: COMPILE_FAILED. */
export function printLabels(labels: readonly string[], file: string): string {
  const broken = labels.findIndex((label) => /[\r\n]/.test(label));
  if (broken >= 0) {
    throw new ConchError(
      'COMPILE_FAILED',
      `${file}: label ${broken}, ${JSON.stringify(labels[broken])}, contains a line break; a label file holds one label a line`,
      { where: { file } },
    );
  }
  return labels.map((label) => `${label}\n`).join('');
}

/** The labels of one output, when its `label_filename` is set and could be read. */
export function labelsOf(model: ModelEntry, output: string): string[] | undefined {
  const file = model.parsed?.config.output?.find((tensor) => tensor.name === output)?.label_filename;
  return file && Object.hasOwn(model.labels, file) ? model.labels[file] : undefined;
}
