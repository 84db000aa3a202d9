import { isAbsolute, relative } from 'node:path';
import { type Diagnostic, printable, type Severity } from '../../base/index.ts';
import type { ModelRepository } from '../../repository/index.ts';
import { count } from '../names.ts';
import { verdicts } from '../verdicts.ts';

type Paint = (text: string) => string;

/** The colours used; picocolors' own object fits. */
export interface Palette {
  readonly red: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
  readonly green: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

const plain: Paint = (text) => text;
export const plainPalette: Palette = { red: plain, yellow: plain, cyan: plain, green: plain, dim: plain, bold: plain };

const paints: Readonly<Record<Severity, keyof Palette>> = { error: 'red', warning: 'yellow', info: 'cyan' };

/**
 * For people: place, message and code of each finding, the line it is about with a caret, its fix; then one line that
 * sums up. Paths below `base` (the working directory) are relative to it. No line break at the end.
 */
export function formatText(
  diagnostics: readonly Diagnostic[],
  repository: ModelRepository,
  palette: Palette = plainPalette,
  base: string = process.cwd(),
): string {
  const texts = new Map(repository.models.map((entry) => [entry.configFile, entry.parsed?.text]));
  const lines = new Map<string, string[]>();
  const lineOf = (file: string, line: number): string | undefined => {
    const text = texts.get(file);
    if (text === undefined) return undefined;
    const split = lines.get(file) ?? text.split('\n');
    lines.set(file, split);
    return split[line - 1]?.replace(/\r$/, '');
  };
  const blocks = diagnostics.map((diagnostic) => block(diagnostic, base, lineOf, palette));
  return [...blocks, summary(diagnostics, repository, palette)].join('\n\n');
}

function block(
  { code, severity, message, where, fix }: Diagnostic,
  base: string,
  lineOf: (file: string, line: number) => string | undefined,
  palette: Palette,
): string {
  const { file, line, column } = where;
  const place = [file === undefined ? undefined : oneLine(shownPath(file, base)), line, column].filter(
    (part) => part !== undefined,
  );
  const paint = palette[paints[severity]];
  const head = place.length > 0 ? `${palette.bold(place.join(':'))} ` : '';
  const out = [`${head}${paint(severity)} ${oneLine(message)} ${palette.dim(`[${code}]`)}`];
  const source = file !== undefined && line !== undefined ? lineOf(file, line) : undefined;
  if (source !== undefined && line !== undefined) out.push(...excerpt(source, line, column ?? 1, paint, palette));
  if (fix !== undefined) out.push(`  ${palette.green('fix:')} ${oneLine(fix.text)}`);
  return out.join('\n');
}

/** Most characters of a source line that are shown; longer ones are cut around the column. */
const widest = 120;

function excerpt(source: string, line: number, column: number, paint: Paint, palette: Palette): string[] {
  const from = column > widest ? column - Math.floor(widest / 2) : 0;
  const shown = source.slice(from, from + widest);
  // Tabs stay tabs, so that the caret stands under its character at any tab width.
  const pad = shown.slice(0, Math.max(0, column - 1 - from)).replace(/[^\t]/g, ' ');
  const gutter = String(line);
  const bar = palette.dim('|');
  return [
    `  ${palette.dim(gutter)} ${bar} ${printable(shown)}`,
    `  ${' '.repeat(gutter.length)} ${bar} ${pad}${paint('^')}`,
  ];
}

function summary(diagnostics: readonly Diagnostic[], repository: ModelRepository, palette: Palette): string {
  const number = (severity: Severity) => diagnostics.filter((one) => one.severity === severity).length;
  const refused = Object.values(verdicts(repository, diagnostics)).filter((one) => one.verdict === 'refused').length;
  const models = count(repository.models.length, 'model');
  const [errors, warnings, infos] = [number('error'), number('warning'), number('info')];
  const parts = [count(errors, 'error'), count(warnings, 'warning'), ...(infos > 0 ? [`${infos} info`] : [])];
  const verdict = refused > 0 ? palette.red(`${refused} refused`) : palette.green('all load');
  const checked = repository.models.length === 0 ? 'no models' : `${models}, ${verdict}`;
  return `${checked}: ${parts.join(', ')}`;
}

/** `models/finbert/config.pbtxt`; what lies outside of the base keeps its whole path. */
function shownPath(file: string, base: string): string {
  if (!isAbsolute(file)) return file;
  const path = relative(base, file);
  return path === '' || /^\.\.(?:[/\\]|$)/.test(path) ? file : path;
}

function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, ' '));
}
