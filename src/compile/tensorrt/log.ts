/** What trtexec says of itself and the GPU, and how it failed. */
export interface TrtexecFacts {
  /** `10.16.0`, of `TensorRT version: 10.16.0`. */
  version?: string;
  cuda?: string;
  /** `8.9`, of `Compute Capability: 8.9`. */
  computeCapability?: string;
  device?: string;
  driver?: string;
  /** Its `[E]` lines, in order, without time and level. */
  errors: string[];
  /** It printed `&&&& PASSED`. */
  passed: boolean;
}

const patterns = {
  version: /\bTensorRT version: (\d+(?:\.\d+)+)/,
  cuda: /\bCUDA version: (\d+(?:\.\d+)+)/,
  computeCapability: /\bCompute Capability: (\d+\.\d+)/,
  device: /\bSelected Device: (.+?)\s*$/,
} as const;

/** Reads trtexec's output line by line. */
export class TrtexecLog {
  readonly facts: TrtexecFacts = { errors: [], passed: false };

  /** A line of it; gives what is worth showing as progress. */
  add(line: string): string | undefined {
    for (const [key, pattern] of Object.entries(patterns) as [keyof typeof patterns, RegExp][]) {
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) this.facts[key] ??= found;
    }
    if (line.startsWith('&&&& PASSED')) this.facts.passed = true;
    const error = /\[E\]\s*(?:\[TRT\]\s*)?(.+)$/.exec(line)?.[1];
    if (error !== undefined) this.facts.errors.push(error.trim());
    return /\[I\] (?:\[TRT\] )?((?:Start parsing|Finished parsing|Building|Engine built|Engine generation|Local timing cache|Compiler backend|Created engine|Loading|Starting inference)[^\n]{0,80})/.exec(
      line,
    )?.[1];
  }

  /** The error that says why: the first, since those after it say only what could not go on. */
  get reason(): string | undefined {
    return this.facts.errors[0];
  }
}

/** `printenv`'s lines as variables. */
export function parseEnvironment(lines: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}
