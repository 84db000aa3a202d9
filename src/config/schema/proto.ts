import { enums, type FieldSpec, messages } from './table.ts';

/** The table as a .proto file (proto3, package `inference`), for protoc and other tools to compare themselves with. */
export function generateProto(): string {
  const lines = ['syntax = "proto3";', '', 'package inference;', ''];
  for (const name of Object.keys(enums)) if (!name.includes('.')) lines.push(...enumLines(name, ''), '');
  for (const name of Object.keys(messages)) if (!name.includes('.')) lines.push(...messageLines(name, ''), '');
  return lines.join('\n');
}

function enumLines(name: string, indent: string): string[] {
  const values = Object.entries(enums[name]!).map(([value, number]) => `${indent}  ${value} = ${number};`);
  return [`${indent}enum ${lastName(name)} {`, ...values, `${indent}}`];
}

function messageLines(name: string, indent: string): string[] {
  const inner = `${indent}  `;
  const fields = messages[name]!;
  const lines = [`${indent}message ${lastName(name)} {`];
  for (const child of childrenOf(name, Object.keys(enums))) lines.push(...enumLines(child, inner));
  for (const child of childrenOf(name, Object.keys(messages))) lines.push(...messageLines(child, inner));
  for (const field of fields) if (!field.oneof) lines.push(`${inner}${fieldLine(field)}`);
  for (const oneof of new Set(fields.flatMap((field) => field.oneof ?? []))) {
    const members = fields.filter((field) => field.oneof === oneof);
    lines.push(`${inner}oneof ${oneof} {`, ...members.map((field) => `${inner}  ${fieldLine(field)}`), `${inner}}`);
  }
  return [...lines, `${indent}}`];
}

function fieldLine(field: FieldSpec): string {
  const type = messages[field.type] || enums[field.type] ? `.inference.${field.type}` : field.type;
  const label = field.label === 'repeated' ? 'repeated ' : field.optional ? 'optional ' : '';
  return `${label}${field.label === 'map' ? `map<${field.key}, ${type}>` : type} ${field.name} = ${field.number};`;
}

function childrenOf(name: string, names: readonly string[]): string[] {
  return names.filter((child) => child.startsWith(`${name}.`) && !child.slice(name.length + 1).includes('.'));
}

function lastName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
