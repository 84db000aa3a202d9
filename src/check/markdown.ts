/** The reference page of all rules: docs/reference/rules.md. */
export function rulesMarkdown(): string {
  throw new Error('not yet');
}
