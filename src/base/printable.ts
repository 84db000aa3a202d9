/**
 * A text without characters that would move a terminal's cursor or change its colours: names of files, tensors and
 * errors of other programs come from anywhere. Tabs and line feeds stay.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
