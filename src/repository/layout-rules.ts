import type { Severity } from '../base/index.ts';

interface LayoutRule {
  readonly severity: Severity;
  /** What it means when the code is reported. */
  readonly means: string;
  /** The general instruction, where a finding gives none of its own. */
  readonly fix: string;
}

/** What reading a repository's folders may find, before any configuration is judged. */
export const layoutRules = {
  'repository/unreadable': {
    severity: 'error',
    means:
      'A folder or file cannot be read, and nothing that depends on it is judged. Triton refuses a model with a link that leads nowhere directly in its folder, and with one at the root the whole repository; deeper ones are a warning.',
    fix: 'let the user that checks and serves read it, or remove it',
  },
  'repository/not-a-file': {
    severity: 'error',
    means: 'A folder, pipe, socket or device stands where a file is expected; it is not opened.',
    fix: 'put the file there, or remove what is in its place',
  },
  'repository/too-large': {
    severity: 'error',
    means: 'A text file is so large (above 64 MB) that it cannot be what its name says.',
    fix: 'put the file there that was meant',
  },
  'repository/link-outside': {
    severity: 'warning',
    means:
      'A link leads out of the repository. Triton follows it; conch never reads outside of the folder that it was given.',
    fix: 'copy the target into the repository',
  },
  'repository/link-leaves-model': {
    severity: 'warning',
    means: "A link leads out of the model's folder and breaks when the folder is copied alone.",
    fix: 'copy the target into the model folder',
  },
  'repository/not-a-model': {
    severity: 'info',
    means: 'A file lies where the folders of models are; Triton ignores it.',
    fix: 'move the file out of the repository',
  },
  'repository/leftover': {
    severity: 'error',
    means: 'A compile was interrupted and left its folder behind, which Triton takes for a model.',
    fix: 'remove the folder',
  },
  'repository/hidden-folder': {
    severity: 'error',
    means:
      'A hidden folder lies beside the models. Triton takes every folder for a model, hidden or not, and refuses it.',
    fix: 'move the folder out of the repository',
  },
  'repository/manifest': {
    severity: 'warning',
    means:
      'The manifest conch.json, which records what a version was compiled from, cannot be read. Triton never looks at it.',
    fix: 'compile the model again, or remove the file',
  },
  'repository/labels': {
    severity: 'warning',
    means: 'A label file has Windows line ends, and Triton keeps the carriage returns in its labels.',
    fix: 'save the file with line feeds only',
  },
} as const satisfies Record<string, LayoutRule>;

export type LayoutCode = keyof typeof layoutRules;
