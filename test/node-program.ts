/**
 * The text of a program that runs `source` on this Node.js. To a shell the second line starts it, to JavaScript it is a string
 * and a comment: a `#!` of its own could not name a Node.js whose path has a space.
 */
export function nodeProgram(source: string): string {
  const node = `'${process.execPath.replaceAll("'", "'\\''")}'`;
  return `#!/bin/sh\n':' //; exec ${node} "$0" "$@"\n${source}`;
}
