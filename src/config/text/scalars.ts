import type { Fix } from '../../base/index.ts';
import { integerRanges, shortestFloat, toInt64 } from '../schema/numbers.ts';
import type { ScalarValue } from '../schema/values.ts';
import type { Field } from '../schema/view.ts';
import type { Findings, TextRule } from './findings.ts';
import { decodeLiterals } from './strings.ts';
import type { ScalarNode } from './tree.ts';

/**
 * Turns scalar nodes into values by the rules of protobuf's C++ text parser (`TextFormat::Parser`). Undefined means that
 * the value was refused and a finding made.
 */
export class ScalarReader {
  readonly #text: string;
  readonly #findings: Findings;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
  }

  read(field: Field, node: ScalarNode): ScalarValue | undefined {
    if (field.enumeration !== undefined) return this.#enumeration(field, node);
    switch (field.scalar) {
      case 'string':
        return this.#string(field, node);
      case 'bool':
        return this.#bool(field, node);
      case 'float':
      case 'double':
        return this.#float(field, node);
      default:
        return this.#integer(field, node, field.scalar as keyof typeof integerRanges);
    }
  }

  #string(field: Field, node: ScalarNode): string | undefined {
    if (node.type !== 'string') {
      const quoted = `"${this.#shown(node)}"`;
      return this.#wrongType(field, node, 'a string in quotes', `write ${quoted}`, quoted);
    }
    const value = decodeLiterals(this.#text, node.literals);
    if (value !== undefined) return value;
    // Triton 24.10 was seen to load such a model; its configuration as JSON then lacks the bytes.
    const message = `the value of ${field.name} is not valid UTF-8; Triton drops the bytes that are not`;
    const fix = { text: 'save the file as UTF-8, or escape whole characters' };
    this.#report('config/invalid-utf8', node, message, fix);
    return decodeLiterals(this.#text, node.literals, true);
  }

  #bool(field: Field, node: ScalarNode): boolean | undefined {
    const text = this.#shown(node);
    if (node.type === 'identifier' && !node.negative) {
      if (text === 'true' || text === 'True' || text === 't') return true;
      if (text === 'false' || text === 'False' || text === 'f') return false;
    }
    if (node.type === 'integer' && !node.negative) {
      const value = parseInteger(text);
      if (value === 0) return false;
      if (value === 1) return true;
    }
    const meant = /^["']?(true|yes|on)["']?$/i.test(text)
      ? 'true'
      : /^["']?(false|no|off)["']?$/i.test(text) && 'false';
    return this.#wrongType(field, node, 'true or false', `write ${meant || 'true or false'}`, meant || undefined);
  }

  #float(field: Field, node: ScalarNode): number | undefined {
    const text = this.#shown(node, true);
    const magnitude = this.#magnitude(node, text);
    if (magnitude === undefined) {
      const plain = unquotedNumber(text);
      const fix = plain === undefined ? undefined : `write ${plain}`;
      return this.#wrongType(field, node, 'a decimal number', fix, plain);
    }
    const value = node.negative ? -magnitude : magnitude;
    return field.scalar === 'float' ? shortestFloat(value) : value;
  }

  #magnitude(node: ScalarNode, text: string): number | undefined {
    if (node.type === 'identifier') {
      const name = text.toLowerCase();
      return name === 'nan' ? Number.NaN : name === 'inf' || name === 'infinity' ? Number.POSITIVE_INFINITY : undefined;
    }
    if (node.type === 'float') return Number(text.replace(/[fF]$/, ''));
    // Hexadecimal and octal are refused for floating point, 00 included.
    return node.type === 'integer' && !/^0./.test(text) ? Number(text) : undefined;
  }

  #integer(field: Field, node: ScalarNode, type: keyof typeof integerRanges): number | bigint | undefined {
    const text = this.#shown(node, true);
    const [least, greatest] = integerRanges[type];
    if (node.type !== 'integer') {
      const plain = unquotedNumber(text) ?? wholeNumber(text);
      const meant = plain && node.negative ? `-${plain}` : plain;
      return this.#wrongType(field, node, 'a whole number', meant && `write ${meant}`, meant);
    }
    const magnitude = parseInteger(text);
    if (magnitude === undefined) return undefined; // An octal with an 8 or 9, or 0x alone: the lexer has reported it.
    if (least === 0n && node.negative)
      return this.#outOfRange(node, `${field.name} cannot be negative`, `give 0 to ${greatest}`);
    if (typeof magnitude === 'number' && magnitude <= 0x7fffffff)
      return node.negative && magnitude ? -magnitude : magnitude;
    const value = node.negative ? -BigInt(magnitude) : BigInt(magnitude);
    if (value < least || value > greatest) {
      const message = `${field.name}: ${this.#signed(node)} does not fit ${type}`;
      return this.#outOfRange(node, message, `give ${least} to ${greatest}`);
    }
    return toInt64(value);
  }

  #enumeration(field: Field, node: ScalarNode): string | number | undefined {
    const enumeration = field.enumeration!;
    const text = this.#shown(node);
    if (node.type === 'integer') {
      const magnitude = parseInteger(text);
      if (magnitude === undefined) return undefined;
      const value = node.negative ? -BigInt(magnitude) : BigInt(magnitude);
      const [least, greatest] = integerRanges.int32;
      if (value >= least && value <= greatest) return enumeration.valueOf(Number(value));
      return this.#outOfRange(node, `${field.name}: ${this.#signed(node)} does not fit int32`, 'give a value by name');
    }
    if (node.type === 'identifier' && !node.negative && enumeration.number(text) !== undefined) return text;
    const plain = text.replaceAll(/["']/g, '');
    const near = enumeration.number(plain) === undefined && !this.#findings.full ? enumeration.nearest(plain) : plain;
    const known = enumeration.number(near ?? '') !== undefined ? near : undefined;
    const fix = known ? `write ${known}` : `write one of ${enumeration.values.join(', ')}`;
    if (node.type === 'string' || node.type === 'float')
      return this.#wrongType(field, node, "a value's name", fix, known);
    const message = `${field.name} has no value ${this.#signed(node)}`;
    this.#report('config/unknown-value', node, message, fixOf(node, fix, known));
    return undefined;
  }

  #wrongType(field: Field, node: ScalarNode, expected: string, fix?: string, replacement?: string): undefined {
    const type = field.scalar ?? field.type;
    const message = `${field.name} expects ${expected} (${type}), found ${this.#signed(node)}`;
    this.#report('config/wrong-type', node, message, fix === undefined ? undefined : fixOf(node, fix, replacement));
    return undefined;
  }

  #outOfRange(node: ScalarNode, message: string, fix: string): undefined {
    this.#report('config/out-of-range', node, message, { text: fix });
    return undefined;
  }

  #report(rule: TextRule, node: ScalarNode, message: string, fix: Fix | undefined): void {
    this.#findings.report(rule, node.start, node.end, message, fix?.text, fix?.edits);
  }

  #signed(node: ScalarNode): string {
    return `${node.negative ? '-' : ''}${this.#shown(node)}`;
  }

  /** The token without its sign; cut where it is long and only shown. */
  #shown(node: ScalarNode, whole = false): string {
    const { literals } = node;
    const text = this.#text.slice(literals[0], literals.at(-1));
    return whole || text.length <= 60 ? text : `${text.slice(0, 60)}...`;
  }
}

function fixOf({ start, end }: ScalarNode, text: string, replacement: string | undefined): Fix {
  return replacement === undefined ? { text } : { text, edits: [{ start, end, text: replacement }] };
}

/** Stands for any integer of more digits than 64 bits hold; converting a megabyte of digits would take seconds. */
const TOO_GREAT = 2n ** 70n;

/** A decimal, 0x hexadecimal or 0-led octal integer without sign; undefined when it is malformed. */
function parseInteger(text: string): number | bigint | undefined {
  if (text.charCodeAt(0) !== 48 || text.length === 1) {
    return text.length < 16 ? Number(text) : text.length > 22 ? TOO_GREAT : BigInt(text);
  }
  const hexadecimal = (text.charCodeAt(1) | 32) === 120;
  if (hexadecimal ? text.length === 2 : /[89]/.test(text)) return undefined;
  const digits = text.replace(/^0[xX]?0*/, '') || '0';
  if (digits.length > 22) return TOO_GREAT;
  return toInt64(BigInt(`${hexadecimal ? '0x' : '0o'}${digits}`));
}

/** `"8"` meant as 8. */
function unquotedNumber(text: string): string | undefined {
  return /^(["'])(-?(0|[1-9]\d*)(\.\d+)?)\1$/.exec(text)?.[2];
}

/** `4.0` or `4e0` meant as 4. */
function wholeNumber(text: string): string | undefined {
  const value = Number(text);
  return Number.isSafeInteger(value) && text !== '' ? String(value) : undefined;
}
