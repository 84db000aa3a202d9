import type { Fix, Severity } from '../base/index.ts';
import type { ModelView, RepositoryView } from './view.ts';

/** What a rule found wrong. The mechanism turns it into a Diagnostic with file, line and column. */
export interface Finding {
  /** One line with the values that clash. */
  readonly message: string;
  /**
   * Field path in the model's config.pbtxt, e.g. `input[0].dims[1]`. When the field is not written, the nearest
   * enclosing field that is takes its place, then the model's name, then the top of the file.
   */
  readonly path?: string;
  /** Another file than config.pbtxt that the finding is about, and the line in it. */
  readonly file?: string;
  readonly line?: number;
  /** What to do about this very finding; without it the rule's own `fix` is given. */
  readonly fix?: Fix | string;
  /** The refused model that this finding follows from, so that its cause is passed on and not this finding. */
  readonly because?: string;
  /** Overrides the rule's severity where a case is milder or graver than the rule's ordinary one. */
  readonly severity?: Severity;
}

interface RuleFacts {
  /** `group/name`, unique; what users write to look the rule up. */
  readonly code: string;
  /** error: Triton refuses the model, or its first request fails. warning: legal, known to hurt. info: good to know. */
  readonly severity: Severity;
  /**
   * When an error of this rule shows: `load` (the default) means that Triton does not load the model, `request` that
   * it loads and then fails requests. Only `load` errors make the verdict "refused".
   */
  readonly stage?: 'load' | 'request';
  /** One line: what the rule demands. */
  readonly summary: string;
  /** What Triton does when the rule is broken, and why. Markdown, one paragraph. */
  readonly why: string;
  /** The general instruction that repairs it. Markdown, one or two sentences. */
  readonly fix: string;
}

/** A rule about one model. */
export interface ModelRule extends RuleFacts {
  readonly scope?: 'model';
  readonly check: (model: ModelView) => Iterable<Finding>;
}

/**
 * A rule about an ensemble and the models it is made of. It runs after every other model has been judged, and sees
 * only those members that Triton would load: a refused member is reported once, by `ensemble/member-refused`.
 */
export interface EnsembleRule extends RuleFacts {
  readonly scope: 'ensemble';
  readonly check: (model: ModelView) => Iterable<Finding>;
}

/** A rule about the repository as a whole. */
export interface RepositoryRule extends RuleFacts {
  readonly scope: 'repository';
  readonly check: (repository: RepositoryView) => Iterable<Finding>;
}

/** One thing that can be wrong with a repository: its identity, its explanation and its condition. */
export type Rule = ModelRule | EnsembleRule | RepositoryRule;
