import { isAbsolute, relative, sep } from 'node:path';
import type { Diagnostic, Severity } from '../../base/index.ts';
import { textRules } from '../../config/index.ts';
import { type LayoutCode, layoutRules, type ModelRepository } from '../../repository/index.ts';
import { rules } from '../rules/index.ts';

const levels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/**
 * SARIF 2.1.0 (OASIS), for code scanning services. Paths are relative to `base` (the checkout: the working directory),
 * regions count UTF-16 units, and safe fixes are given as replacements.
 */
export function formatSarif(
  diagnostics: readonly Diagnostic[],
  _repository: ModelRepository,
  base: string = process.cwd(),
): string {
  const described = descriptors(diagnostics);
  const index = new Map(described.map((rule, at) => [rule.id, at]));
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'conch', informationUri: 'https://www.npmjs.com/package/conch-triton', rules: described },
        },
        columnKind: 'utf16CodeUnits',
        results: diagnostics.map((diagnostic) => ({
          ruleId: diagnostic.code,
          ruleIndex: index.get(diagnostic.code),
          level: levels[diagnostic.severity],
          message: { text: messageOf(diagnostic) },
          locations: locations(diagnostic, base),
          ...fixes(diagnostic, base),
        })),
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}

/** The rules that found something, described as far as they are known. */
function descriptors(diagnostics: readonly Diagnostic[]) {
  const known = new Map(rules.map((rule) => [rule.code, rule]));
  return [...new Set(diagnostics.map((one) => one.code))].sort().map((id) => {
    const rule = known.get(id);
    const layout = id in layoutRules ? layoutRules[id as LayoutCode] : undefined;
    const meaning = layout?.means ?? (textRules as Readonly<Record<string, string>>)[id];
    if (rule === undefined) return { id, ...(meaning === undefined ? {} : { shortDescription: { text: meaning } }) };
    return {
      id,
      shortDescription: { text: rule.summary },
      fullDescription: { text: rule.why },
      help: { text: rule.fix },
      defaultConfiguration: { level: levels[rule.severity] },
    };
  });
}

function messageOf({ message, fix }: Diagnostic): string {
  return fix === undefined ? message : `${message}. Fix: ${fix.text}`;
}

function locations({ where, model }: Diagnostic, base: string) {
  const logical = model === undefined ? {} : { logicalLocations: [{ name: model, kind: 'module' }] };
  if (where.file === undefined) return model === undefined ? [] : [logical];
  const region = where.line === undefined ? {} : { region: { startLine: where.line, startColumn: where.column ?? 1 } };
  return [{ physicalLocation: { artifactLocation: { uri: uriOf(where.file, base) }, ...region }, ...logical }];
}

function fixes({ where, fix }: Diagnostic, base: string) {
  if (fix?.edits === undefined || where.file === undefined) return {};
  const replacements = fix.edits.map(({ start, end, text }) => ({
    deletedRegion: { charOffset: start, charLength: end - start },
    insertedContent: { text },
  }));
  const artifactLocation = { uri: uriOf(where.file, base) };
  return { fixes: [{ description: { text: fix.text }, artifactChanges: [{ artifactLocation, replacements }] }] };
}

/** A relative URI reference below the base, else a file URI. */
function uriOf(file: string, base: string): string {
  const path = isAbsolute(file) ? relative(base, file) : file;
  const encoded = (text: string) => text.split(sep).map(encodeURIComponent).join('/');
  return /^\.\.(?:[/\\]|$)/.test(path) ? `file://${encoded(file)}` : encoded(path);
}
