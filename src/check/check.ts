import type { Diagnostic, Where } from '../base/index.ts';
import { defaultTarget, type Target } from '../onnx/index.ts';
import type { ModelRepository } from '../repository/index.ts';
import { filesOnDisk } from './data-files.ts';
import { locate } from './locate.ts';
import { findCircles, membersFirst } from './order.ts';
import { layoutFindings } from './reader.ts';
import type { Finding, Rule } from './rule.ts';
import { rules as allRules } from './rules/index.ts';
import { type DataFiles, type Host, ModelView, type Refusal, type RepositoryView } from './view.ts';

export interface CheckOptions {
  readonly host?: Host;
  /** Where warm-up and state files are looked up, and the source of Python models without tensors; by default on disk. */
  readonly files?: DataFiles;
  /** The rules to apply; by default all. */
  readonly rules?: readonly Rule[];
}

/**
 * Everything wrong with a repository (opened with `inspect: true`) for a target, in the order of models, lines and
 * codes. Each model is judged by itself first; then the ensembles, innermost first, against the members that load.
 */
export function check(
  repository: ModelRepository,
  target: Target = defaultTarget,
  options: CheckOptions = {},
): Diagnostic[] {
  const rules = options.rules ?? allRules;
  const run = new Run(repository, target, options);
  for (const rule of rules) if (rule.scope === 'repository') run.applyToRepository(rule);
  for (const model of run.models.values()) {
    if (run.isSettled(model)) continue;
    for (const rule of rules) if (rule.scope !== 'repository' && rule.scope !== 'ensemble') run.apply(rule, model);
  }
  for (const model of membersFirst(run.models)) {
    for (const rule of rules) if (rule.scope === 'ensemble') run.apply(rule, model);
  }
  return run.found.sort(inOrder);
}

/** One run over one snapshot: what was found so far, and which models are refused. */
class Run implements RepositoryView {
  readonly source: ModelRepository;
  readonly target: Target;
  readonly host: Host;
  readonly files: DataFiles;
  readonly models = new Map<string, ModelView>();
  readonly found: Diagnostic[] = [];
  readonly circular: ReadonlySet<string>;
  readonly #refusals = new Map<string, Refusal>();

  constructor(source: ModelRepository, target: Target, options: CheckOptions) {
    this.source = source;
    this.target = target;
    this.host = options.host ?? {};
    this.files = options.files ?? filesOnDisk;
    for (const entry of source.models) this.models.set(entry.name, new ModelView(entry, this));
    this.circular = findCircles(this.models);
    for (const finding of layoutFindings(source)) this.#add(finding, true);
  }

  refusal(name: string): Refusal | undefined {
    return this.#refusals.get(name);
  }

  /** Whether nothing more can be said of a model: its config cannot be read, or its folder is not meant to be one. */
  isSettled(model: ModelView): boolean {
    const { parsed, name } = model.entry;
    for (const diagnostic of parsed?.diagnostics ?? []) this.#add({ ...diagnostic, model: name }, true);
    return !model.parses || (parsed === undefined && name.startsWith('.'));
  }

  apply(rule: Exclude<Rule, { scope: 'repository' }>, model: ModelView): void {
    for (const finding of rule.check(model)) this.#report(rule, finding, locate(model, finding), model.name);
  }

  applyToRepository(rule: Extract<Rule, { scope: 'repository' }>): void {
    for (const finding of rule.check(this)) this.#report(rule, finding, { file: finding.file ?? this.source.root });
  }

  #report(rule: Rule, finding: Finding, where: Where, model?: string): void {
    const { severity = rule.severity, message, fix = rule.fix } = finding;
    const diagnostic: Diagnostic = {
      code: rule.code,
      severity,
      message,
      ...(model === undefined ? {} : { model }),
      where,
      fix: typeof fix === 'string' ? { text: fix } : fix,
    };
    this.#add(diagnostic, rule.stage !== 'request', finding.because);
  }

  #add(diagnostic: Diagnostic, refuses: boolean, because?: string): void {
    this.found.push(diagnostic);
    const { model, severity, message } = diagnostic;
    if (model === undefined || severity !== 'error' || !refuses || this.#refusals.has(model)) return;
    this.#refusals.set(model, this.#refusals.get(because ?? '') ?? { model, message });
  }
}

function inOrder(a: Diagnostic, b: Diagnostic): number {
  return (
    compare(a.model ?? '', b.model ?? '') ||
    compare(a.where.file ?? '', b.where.file ?? '') ||
    (a.where.line ?? 0) - (b.where.line ?? 0) ||
    (a.where.column ?? 0) - (b.where.column ?? 0) ||
    compare(a.code, b.code) ||
    compare(a.message, b.message)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
