import { stringify } from 'yaml';

/**
 * YAML with a comment on top, one document for each value, separated as Kubernetes wants it. Lines are never folded, and
 * quoted so that readers of YAML 1.1 and 1.2 agree: to the former `1000:1000` is a number.
 */
export function yamlFile(comment: readonly string[], ...documents: readonly unknown[]): string {
  const head = comment.map((line) => (line === '' ? '#\n' : `# ${line}\n`)).join('');
  const how = { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' } as const;
  return `${head}${documents.map((document) => stringify(document, how)).join('---\n')}`;
}
