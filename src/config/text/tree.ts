/**
 * The shape of a text as it stands, before any schema: fields, values, and where each part is. Edits and the formatter
 * work on it; `bind.ts` turns it into a `ModelConfig`.
 */
export interface FieldNode {
  readonly name: string;
  /** The name starts and ends here. */
  readonly start: number;
  readonly nameEnd: number;
  /** Offset of the colon, -1 without one. */
  readonly colon: number;
  /** Undefined when the value is missing; that has been reported. */
  readonly value: ValueNode | undefined;
  /** The field ends here, its separator included. */
  readonly end: number;
}

export type ValueNode = ScalarNode | BlockNode | ListNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly type: 'identifier' | 'integer' | 'float' | 'string';
  readonly negative: boolean;
  readonly start: number;
  readonly end: number;
  /** Start and end of each literal: one token, or several strings that form one value. */
  readonly literals: readonly number[];
}

export interface BlockNode {
  readonly kind: 'block';
  readonly start: number;
  readonly end: number;
  readonly fields: readonly FieldNode[];
  /** Offset of the closing bracket, -1 when it is missing. */
  readonly close: number;
}

export interface ListNode {
  readonly kind: 'list';
  readonly start: number;
  readonly end: number;
  readonly items: readonly ValueNode[];
  /** Offset of the closing bracket, -1 when it is missing. */
  readonly close: number;
}

export interface Tree {
  readonly fields: readonly FieldNode[];
  /** Start and end of each comment. */
  readonly comments: readonly number[];
}
