import type { ModelSignature, TensorSignature } from '../typed/signature.ts';

/** A module with one typed model for each signature. */
export function typescriptModule(models: readonly ModelSignature[], origin: string): string {
  const names = new Set<string>(reserved);
  const parts = models.map((model) => modelSource(model, uniqueName(model.name, names)));
  return [
    `// Written by \`conch client generate\` from ${origin}; write it anew when the models change.`,
    "import { defineModel, type InputsOf, type OutputsOf } from 'conch-triton/client';",
    ...parts,
    '',
  ].join('\n');
}

function modelSource(model: ModelSignature, name: string): string {
  const type = name[0]!.toUpperCase() + name.slice(1);
  const lines = [
    '',
    `/** ${comment(describe(model))} */`,
    `export const ${name} = defineModel({`,
    `  name: ${text(model.name)},`,
    `  maxBatchSize: ${model.maxBatchSize},`,
    ...(model.decoupled ? ['  decoupled: true,'] : []),
    ...(model.stateful ? ['  stateful: true,'] : []),
    ...side('inputs', model.inputs),
    ...side('outputs', model.outputs),
    '});',
    `export type ${type}Inputs = InputsOf<typeof ${name}.signature>;`,
    `export type ${type}Outputs = OutputsOf<typeof ${name}.signature>;`,
  ];
  return lines.join('\n');
}

function side(name: string, tensors: Readonly<Record<string, TensorSignature>>): string[] {
  const rows = Object.entries(tensors).map(([tensor, { datatype, shape, optional }]) => {
    const more = optional ? ', optional: true' : '';
    return `    ${key(tensor)}: { datatype: '${datatype}', shape: [${shape.join(', ')}]${more} },`;
  });
  return rows.length === 0 ? [`  ${name}: {},`] : [`  ${name}: {`, ...rows, '  },'];
}

function describe({ name, maxBatchSize, decoupled, stateful }: ModelSignature): string {
  return [
    `Model \`${name}\``,
    maxBatchSize > 0 ? `up to ${maxBatchSize} rows a request` : 'no batch dimension',
    ...(decoupled ? ['any number of responses: use stream'] : []),
    ...(stateful ? ['its requests belong to sequences'] : []),
  ].join('; ');
}

/** `finbert-model` as `finbertModel`; a name that is taken or none gets a number. */
function uniqueName(model: string, taken: Set<string>): string {
  const words = model.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const joined = words
    .map((word, index) => (index === 0 ? word[0]!.toLowerCase() : word[0]!.toUpperCase()) + word.slice(1))
    .join('');
  const base = /^[A-Za-z]/.test(joined) ? joined : `model${joined}`;
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}${number}`;
  taken.add(name);
  return name;
}

/** What a constant of a module may not be called. */
const reserved = [
  ...'await break case catch class const continue debugger default delete do else enum export extends false'.split(' '),
  ...'finally for function if import in instanceof new null return super switch this throw true try typeof'.split(' '),
  ...'var void while with yield let static implements interface package private protected public'.split(' '),
  ...['arguments', 'eval', 'undefined', 'defineModel'],
];

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) && name !== '__proto__'
    ? name
    : name === '__proto__'
      ? `['__proto__']`
      : text(name);
}

function text(value: string): string {
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** Nothing of a name may end the comment that it stands in. */
function comment(value: string): string {
  return value.replaceAll('*/', '*\\/').replaceAll(/[\r\n\u2028\u2029]/g, ' ');
}
