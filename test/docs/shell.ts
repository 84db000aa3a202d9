/** A command of a shell block: its words without quotes, and its text for a shell to run. */
export interface ShellCommand {
  readonly words: readonly string[];
  readonly text: string;
  /** The file that `> FILE` sends its output to. */
  readonly into?: string;
}

/** Splits what the documentation's blocks hold: words, quotes, comments, continued lines, `&&`, `> FILE`. No more of a shell. */
export function shellCommands(source: string): ShellCommand[] {
  const commands: ShellCommand[] = [];
  let words: string[] = [];
  let word: string | undefined;
  let start = 0;
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = (at: number) => {
    endWord();
    if (words.length > 0) commands.push(redirected(words, source.slice(start, at).trim()));
    words = [];
  };
  for (let at = 0; at < source.length; at++) {
    const char = source[at]!;
    if (words.length === 0 && word === undefined) start = at;
    if (char === "'" || char === '"') {
      const end = source.indexOf(char, at + 1);
      if (end < 0) throw new Error(`a quote is not closed: ${source.slice(at)}`);
      word = (word ?? '') + source.slice(at + 1, end);
      at = end;
    } else if (char === '\\' && source[at + 1] === '\n') {
      endWord();
      at++;
    } else if (char === '#' && word === undefined) {
      endCommand(at);
      at = source.indexOf('\n', at) < 0 ? source.length : source.indexOf('\n', at);
    } else if (char === '\n' || source.startsWith('&&', at)) {
      endCommand(at);
      if (char === '&') at++;
    } else if (char === ' ' || char === '\t') endWord();
    else word = (word ?? '') + char;
  }
  endCommand(source.length);
  return commands;
}

function redirected(words: string[], text: string): ShellCommand {
  const at = words.indexOf('>');
  return at < 0 ? { words, text } : { words: words.slice(0, at), text, into: words[at + 1]! };
}
