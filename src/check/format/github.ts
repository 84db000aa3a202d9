import { isAbsolute, relative } from 'node:path';
import type { Diagnostic, Severity } from '../../base/index.ts';

const commands: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/**
 * Workflow commands that GitHub Actions shows beside the lines of a pull request, one a line. Paths are relative to
 * `base`, which in a workflow is the checkout: the working directory.
 */
export function formatGithub(diagnostics: readonly Diagnostic[], base: string = process.cwd()): string {
  return diagnostics
    .map(({ code, severity, message, where, fix }) => {
      const file =
        where.file === undefined ? undefined : isAbsolute(where.file) ? relative(base, where.file) : where.file;
      const properties = [
        ['file', file],
        ['line', where.line],
        ['col', where.column],
        ['title', `conch ${code}`],
      ].flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${escapeProperty(String(value))}`]));
      const text = fix === undefined ? message : `${message}\nfix: ${fix.text}`;
      return `::${commands[severity]} ${properties.join(',')}::${escapeData(text)}`;
    })
    .join('\n');
}

/** As the runner unescapes them (actions/toolkit, command.ts). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
