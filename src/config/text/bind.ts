import type { ModelConfig } from '../generated.ts';
import { setEntry } from '../schema/entries.ts';
import { fieldList } from '../schema/values.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';
import type { Findings } from './findings.ts';
import { ScalarReader } from './scalars.ts';
import type { BlockNode, FieldNode, Tree, ValueNode } from './tree.ts';

type Values = Record<string, unknown>;

/**
 * The configuration that a tree spells, by the rules of protobuf's C++ text parser. What is refused is left out of the
 * result and reported; the rest is read on.
 */
export function bindTree(tree: Tree, text: string, findings: Findings): ModelConfig {
  return new Binder(text, findings).message(modelConfig, tree.fields) as ModelConfig;
}

/** Like `bindTree`, for the fields of any message. */
export function bindFields(message: Message, nodes: readonly FieldNode[], text: string, findings: Findings): Values {
  return new Binder(text, findings).message(message, nodes);
}

class Binder {
  readonly #findings: Findings;
  readonly #scalars: ScalarReader;
  /** The messages around the one at hand, outermost first. */
  readonly #outer: Message[] = [];

  constructor(text: string, findings: Findings) {
    this.#findings = findings;
    this.#scalars = new ScalarReader(text, findings);
  }

  message(message: Message, nodes: readonly FieldNode[]): Values {
    const values: Values = {};
    this.#outer.push(message);
    for (const node of nodes) {
      const field = message.field(node.name);
      if (field === undefined) this.#unknown(message, node);
      else if (node.value !== undefined) this.#field(field, node, node.value, values);
    }
    this.#outer.pop();
    return values;
  }

  #field(field: Field, node: FieldNode, value: ValueNode, values: Values): void {
    if (!field.many && this.#given(field, node, values)) {
      this.#one(field, value, node); // For the errors inside it.
      return;
    }
    const isMessage = field.message !== undefined || field.entry !== undefined;
    if (node.colon === -1 && !isMessage) {
      const edits = [{ start: node.nameEnd, end: node.nameEnd, text: ':' }];
      const message = `a colon is missing after ${node.name}`;
      this.#findings.report('config/syntax', node.start, node.nameEnd, message, `write ${node.name}:`, edits);
    }
    if (!field.many) {
      const one = this.#one(field, value, node);
      if (one !== undefined) values[field.name] = one;
    } else if (field.entry !== undefined) {
      values[field.name] ??= {};
      for (const item of value.kind === 'list' ? value.items : [value])
        this.#entry(field, item, node, values[field.name] as Values);
    } else {
      values[field.name] ??= [];
      const list = values[field.name] as unknown[];
      for (const item of value.kind === 'list' ? value.items : [value]) {
        const one = this.#one(field, item, node);
        if (one !== undefined) list.push(one);
      }
    }
  }

  /**
   * Whether the field or another of its oneof has a value already, which is reported. A scalar without presence that
   * was given as its zero counts as not given (`HasField` of proto3).
   */
  #given(field: Field, node: FieldNode, values: Values): boolean {
    const before = values[field.name];
    if (before !== undefined && (field.explicit || !isZero(before, field))) {
      const message = `${field.name} is specified multiple times`;
      this.#findings.report('config/duplicate-field', node.start, node.nameEnd, message, 'keep one of them');
      return true;
    }
    const rival = before === undefined && field.rivals.find((name) => values[name] !== undefined);
    if (!rival) return false;
    const message = `${field.name} and ${rival} exclude one another (oneof ${field.oneof})`;
    this.#findings.report('config/oneof-clash', node.start, node.nameEnd, message, 'keep one of them');
    return true;
  }

  #one(field: Field, value: ValueNode, node: FieldNode): unknown {
    if (value.kind === 'list') {
      // A list inside a list has been reported.
      if (!field.many) this.#wrongType(value, `${node.name} holds one value, found a list`, 'remove the [ ]');
      return undefined;
    }
    if (field.message !== undefined) {
      if (value.kind === 'block') return this.message(field.message, value.fields);
      const fix = `write ${node.name} { ... }`;
      this.#wrongType(value, `${node.name} expects a block { } (${field.type}), found a plain value`, fix);
      return undefined;
    }
    if (value.kind === 'scalar') return this.#scalars.read(field, value);
    this.#wrongType(value, `${node.name} expects a plain value (${field.type}), found a block { }`);
    return undefined;
  }

  /** An absent key is empty or 0, an absent value the default; of equal keys the last wins. */
  #entry(field: Field, item: ValueNode, node: FieldNode, map: Values): void {
    if (item.kind !== 'block') {
      const expected = `${node.name} expects entries { key: ... value: ... }`;
      if (item.kind === 'scalar') this.#wrongType(item, `${expected}, found a plain value`);
      return;
    }
    if (this.#isShorthand(field, item, node)) return;
    const entry = this.message(field.entry!, item.fields);
    const value = entry.value ?? (field.message === undefined ? '' : {});
    setEntry(map, String(entry.key ?? (field.key === 'string' ? '' : 0)), value);
  }

  /** `metric_tags { region: "eu" }` is a frequent slip: say what the entry should look like. */
  #isShorthand(field: Field, item: BlockNode, node: FieldNode): boolean {
    const [only] = item.fields;
    if (item.fields.length !== 1 || only === undefined || field.entry!.field(only.name)) return false;
    const key = field.key === 'string' ? `"${only.name}"` : only.name;
    const value = field.message === undefined ? 'value: ...' : 'value { ... }';
    const message = `${node.name} is a map, whose entries are written with key and value`;
    const fix = `write ${node.name} { key: ${key} ${value} }`;
    this.#findings.report('config/syntax', node.start, node.nameEnd, message, fix);
    return true;
  }

  #wrongType(value: ValueNode, message: string, fix?: string): void {
    this.#findings.report(
      'config/wrong-type',
      value.start,
      value.kind === 'scalar' ? value.end : value.start + 1,
      message,
      fix,
    );
  }

  #unknown(message: Message, node: FieldNode): void {
    if (this.#findings.full) return;
    const { name, start, nameEnd } = node;
    const shown = name.length > 60 ? `${name.slice(0, 60)}...` : name;
    const report = (fix: string, replacement?: string) => {
      const edits = replacement === undefined ? undefined : [{ start, end: nameEnd, text: replacement }];
      this.#findings.report(
        'config/unknown-field',
        start,
        nameEnd,
        `${message.name} has no field ${shown}`,
        fix,
        edits,
      );
    };
    const around = this.#outer.findLast((outer) => outer !== message && outer.field(name) !== undefined);
    const paths = message.pathsTo(name);
    const near = message.nearest(name);
    const slip = message.nearest(name, 1);
    if (around !== undefined) report(`${name} is a field of ${around.name}: close the block before it`);
    else if (slip !== undefined) report(`write ${slip}`, slip);
    else if (paths.length > 0) report(`put it inside: ${paths.slice(0, 3).join(', ')}`);
    else if (near !== undefined) report(`write ${near}`, near);
    else report(`remove it, or write one of ${fieldList(message)}`);
  }
}

function isZero(value: unknown, field: Field): boolean {
  if (field.enumeration !== undefined) return value === 0 || value === field.enumeration.valueOf(0);
  // Minus zero and NaN have a bit set and so count as given.
  return value === '' || value === false || Object.is(value, 0) || value === 0n;
}
