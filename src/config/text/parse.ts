import type { Diagnostic } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';
import { bindTree } from './bind.ts';
import { Findings } from './findings.ts';
import { Lines, type Position } from './lines.ts';
import { locate, locateNearest, pathAt, type Range } from './locate.ts';
import { notText } from './not-text.ts';
import { readTree } from './read.ts';
import { decodeText } from './strings.ts';

/** A config.pbtxt as it was read. */
export interface ParsedConfig {
  /** What the text gives: an absent field is undefined, a given 0 is 0. Parts that were refused are left out. */
  readonly config: ModelConfig;
  /** In the text's order: errors, for which Triton refuses to parse it, and warnings (`config/invalid-utf8`). */
  readonly diagnostics: Diagnostic[];
  /** The text; a byte that is not valid UTF-8 is the lone surrogate U+DC00 plus the byte. */
  readonly text: string;
  readonly file?: string;
  /**
   * Where a path's value stands, e.g. `max_batch_size`, `input[0].dims[1]`, `parameters["key"].value.string_value`.
   * For a message, a map or a whole list: its field's name. Undefined when the text does not give it.
   */
  at(path: string): Position | undefined;
  /** Like `at`, for the longest beginning of the path that is given: `input[0]` for a missing `input[0].data_type`. */
  nearest(path: string): Position | undefined;
  /** The path of the innermost field that holds an offset of the text; '' outside of all. */
  pathAt(offset: number): string;
}

/**
 * Reads a config.pbtxt with exactly the strictness of Triton, which calls protobuf's C++ text parser. Never throws; one
 * run reports all errors (at most 100, then it stops), and takes linear time whatever the input.
 *
 * @param file is named in the diagnostics.
 */
export function parseConfig(text: string | Uint8Array, file?: string): ParsedConfig {
  const source = typeof text === 'string' ? text : decodeText(text);
  const findings = new Findings();
  const tree = readTree(source, findings);
  const config = bindTree(tree, source, findings);
  const other = findings.size === 0 ? undefined : notText(source);
  if (other !== undefined) findings.replace('config/encoding', other.message, other.fix);
  const diagnostics = findings.diagnostics(source, file, (offset) => pathAt(tree, source, offset));
  let lines: Lines | undefined;
  const position = (range: Range | undefined): Position | undefined => {
    if (range === undefined) return undefined;
    lines ??= new Lines(source);
    return lines.position(range.start, range.end);
  };
  return {
    config,
    diagnostics,
    text: source,
    ...(file === undefined ? {} : { file }),
    at: (path) => position(locate(tree, source, path)),
    nearest: (path) => position(locateNearest(tree, source, path)),
    pathAt: (offset) => pathAt(tree, source, offset),
  };
}
