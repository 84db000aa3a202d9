import { STATUS_CODES } from 'node:http';
import { ConchError } from '../../base/index.ts';

const statusLines = new Map<number, string>();

export function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}

let dateSecond = 0;
let dateText = '';

/** The Date header's line; made once a second. */
export function dateLine(): string {
  const second = Math.trunc(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}

/** What may not stand in a header: line ends above all, which would start another one. */
const unsafe = /[^\t\x20-\x7e]/;

/** `Name: value` lines of a flat list. Throws INTERNAL for a value that would break out of its line. */
export function headerLines(headers: readonly (string | number)[]): string {
  let lines = '';
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1]!;
    if (typeof value === 'string' && unsafe.test(value)) {
      throw new ConchError('INTERNAL', `header ${headers[index]} has characters that a header may not have`);
    }
    lines += `${headers[index]}: ${value}\r\n`;
  }
  return lines;
}
