/** A range of a config's text. Lines and columns count from 1, offsets from 0; columns and offsets are UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly start: number;
  readonly end: number;
}

/** Where each line of a text starts, so that an offset becomes a line and a column. A line ends at `\n`. */
export class Lines {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  position(start: number, end: number): Position {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= start) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: start - this.#starts[low]! + 1, start, end };
  }
}
