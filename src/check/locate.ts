import { join } from 'node:path';
import type { Where } from '../base/index.ts';
import type { Finding } from './rule.ts';
import type { ModelView } from './view.ts';

/** The place a finding points at: the field, else what encloses it, else the model's name, else the top of the file. */
export function locate(model: ModelView, finding: Finding): Where {
  const { entry } = model;
  if (finding.file !== undefined) {
    return { file: finding.file, ...(finding.line === undefined ? {} : { line: finding.line, column: 1 }) };
  }
  const path = finding.path === undefined ? {} : { path: finding.path };
  const { parsed } = entry;
  const file = entry.configFile ?? parsed?.file;
  if (parsed === undefined || file === undefined) return { file: join(entry.dir, 'config.pbtxt'), ...path };
  const position = (finding.path && parsed.nearest(finding.path)) || parsed.at('name');
  return { file, line: position?.line ?? 1, column: position?.column ?? 1, ...path };
}
