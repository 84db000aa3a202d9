import { textRules } from '../config/index.ts';
import { layoutRules } from '../repository/index.ts';
import type { Rule } from './rule.ts';
import { rules } from './rules/index.ts';

const titles: Readonly<Record<string, string>> = {
  repository: 'Folders, names, versions and files',
  general: 'Backend, batch size, cache, metrics',
  tensors: 'Inputs and outputs',
  batching: 'Dynamic batching',
  sequence: 'Sequence batching',
  instances: 'Instance groups',
  warmup: 'Warm-up',
  labels: 'Label files',
  onnx: 'ONNX models',
  plan: 'TensorRT plans',
  pytorch: 'PyTorch models',
  python: 'Python models',
  ensemble: 'Ensembles',
};

/** docs/reference/rules.md: every rule with what it demands, why, and what to do. */
export function rulesMarkdown(): string {
  const groups = Map.groupBy(rules, (rule) => rule.code.split('/')[0]!);
  const lines = [
    '# Rules of `conch check`',
    '',
    'Generated from the rules themselves; do not edit.',
    '',
    'An **error** means that Triton does not load the model, or, where it says so, that it loads and requests fail. A',
    '**warning** is legal and known to hurt. An **info** is good to know.',
    '',
    '## Reading config.pbtxt',
    '',
    "All of these are errors: Triton reads the file with protobuf's own text parser, which stops at the first of them.",
    '',
    ...table(textRules),
    '',
    '## Reading the folders',
    '',
    '| code | severity | meaning | fix |',
    '|---|---|---|---|',
    ...Object.entries(layoutRules).map(
      ([code, { severity, means, fix }]) => `| \`${code}\` | ${severity} | ${means} | ${fix} |`,
    ),
    '',
  ];
  for (const [group, members] of groups) {
    lines.push(`## ${titles[group] ?? group}`, '');
    for (const rule of members) lines.push(...section(rule));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function section(rule: Rule): string[] {
  const stage = rule.stage === 'request' ? ', at the first request' : '';
  return [
    `### ${rule.code}`,
    '',
    `*${rule.severity}${stage}.* ${rule.summary}`,
    '',
    rule.why,
    '',
    `**Fix:** ${rule.fix}`,
    '',
  ];
}

function table(meanings: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(meanings).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return ['| code | meaning |', '|---|---|', ...rows];
}
