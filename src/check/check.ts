import type { Diagnostic, Where } from '../base/index.ts';
import { defaultTarget, type Target } from '../onnx/index.ts';
import type { ModelRepository } from '../repository/index.ts';
import { locate } from './locate.ts';
import type { CheckMemory, Reported } from './memory.ts';
import { findCircles, membersFirst } from './order.ts';
import { isUnreadable, layoutFindings } from './reader.ts';
import type { Finding, Rule } from './rule.ts';
import { rules as allRules } from './rules/index.ts';
import { type Host, ModelView, type Refusal, type RepositoryView } from './view.ts';

export interface CheckOptions {
  readonly host?: Host;
  /** The rules to apply; by default all. */
  readonly rules?: readonly Rule[];
  /** What earlier checks of the same repository found, with the same target and options; untouched models are quick. */
  readonly memory?: CheckMemory;
}

/**
 * Everything wrong with a repository (opened with `inspect: true`) for a target, in the order of models, lines and
 * codes. Reads nothing beside its arguments. Each model is judged by itself first; then the ensembles, innermost first, against the members that load.
 */
export function check(
  repository: ModelRepository,
  target: Target = defaultTarget,
  options: CheckOptions = {},
): Diagnostic[] {
  const { rules = allRules, memory } = options;
  const run = new Run(repository, target, options);
  const entries = new Map(repository.models.map((entry) => [entry.name, entry]));
  const ofRepository = rules.filter((rule) => rule.scope === 'repository');
  const ofModels = rules.filter((rule) => rule.scope !== 'repository' && rule.scope !== 'ensemble');
  const ofEnsembles = rules.filter((rule) => rule.scope === 'ensemble');
  run.add(ofRepository.flatMap((rule) => run.applyToRepository(rule)));
  for (const model of run.models.values()) {
    const judge = () => run.judge(model, ofModels);
    run.add(memory ? memory.ofModel(model.entry, judge) : judge());
  }
  for (const model of membersFirst(run.models)) {
    const judge = () => ofEnsembles.flatMap((rule) => run.apply(rule, model));
    run.add(memory ? memory.ofEnsemble(model.entry, entries, judge) : judge());
  }
  return run.found.sort(inOrder);
}

/** One run over one snapshot: what was found so far, and which models are refused. */
class Run implements RepositoryView {
  readonly source: ModelRepository;
  readonly target: Target;
  readonly host: Host;
  readonly models = new Map<string, ModelView>();
  readonly found: Diagnostic[] = [];
  readonly circular: ReadonlySet<string>;
  readonly decoupledMembers = new Map<string, string>();
  readonly #refusals = new Map<string, Refusal>();

  constructor(source: ModelRepository, target: Target, options: CheckOptions) {
    this.source = source;
    this.target = target;
    this.host = options.host ?? {};
    for (const entry of source.models) this.models.set(entry.name, new ModelView(entry, this));
    this.circular = findCircles(this.models);
    this.add(layoutFindings(source).map((diagnostic) => ({ diagnostic, refuses: true })));
  }

  refusal(name: string): Refusal | undefined {
    return this.#refusals.get(name);
  }

  /** What is wrong with a model by itself; only that when its config cannot be read or its folder is not meant as one. */
  judge(model: ModelView, rules: readonly ModelOnlyRule[]): Reported[] {
    const { parsed, name } = model.entry;
    const read = (parsed?.diagnostics ?? []).map((one) => ({ diagnostic: { ...one, model: name }, refuses: true }));
    if (!model.parses || (parsed === undefined && name.startsWith('.'))) return read;
    if (parsed === undefined && isUnreadable(model.entry)) return read;
    return [...read, ...rules.flatMap((rule) => this.apply(rule, model))];
  }

  apply(rule: Exclude<Rule, { scope: 'repository' }>, model: ModelView): Reported[] {
    return [...rule.check(model)].map((finding) => reported(rule, finding, locate(model, finding), model.name));
  }

  applyToRepository(rule: Extract<Rule, { scope: 'repository' }>): Reported[] {
    return [...rule.check(this)].map((finding) => reported(rule, finding, { file: finding.file ?? this.source.root }));
  }

  add(findings: readonly Reported[]): void {
    for (const { diagnostic, refuses, because } of findings) {
      this.found.push(diagnostic);
      const { model, severity, message } = diagnostic;
      if (model === undefined || severity !== 'error' || !refuses || this.#refusals.has(model)) continue;
      this.#refusals.set(model, this.#refusals.get(because ?? '') ?? { model, message });
    }
  }
}

type ModelOnlyRule = Exclude<Rule, { scope: 'repository' } | { scope: 'ensemble' }>;

function reported(rule: Rule, finding: Finding, where: Where, model?: string): Reported {
  const { severity = rule.severity, fix = rule.fix } = finding;
  return {
    diagnostic: {
      code: rule.code,
      severity,
      message: oneLine(finding.message),
      ...(model === undefined ? {} : { model }),
      where,
      fix: typeof fix === 'string' ? { text: fix } : fix,
    },
    refuses: rule.stage !== 'request',
    because: finding.because,
  };
}

/** Names come from files and may hold anything; what is not printable is written as in a JSON string. */
function oneLine(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  return message.replace(/[\u0000-\u001f\u007f]/g, (one) => JSON.stringify(one).slice(1, -1));
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
