import type { ModelSignature } from '../typed/signature.ts';
import { type ExampleTensor, exampleInputs, fitsJson } from './example.ts';

/** Lists longer than this are made by the shell. */
const longestList = 16;

/** A shell script with one request for each model. */
export function curlScript(models: readonly ModelSignature[], url: string, origin: string): string {
  const head = [
    '#!/bin/sh',
    `# Written by \`conch client generate --language curl\` from ${origin}.`,
    `url=\${1:-${url}}`,
  ];
  return `${[...head, ...models.map(request)].join('\n')}\n`;
}

function request(model: ModelSignature): string {
  const inputs = exampleInputs(model);
  const binary = inputs.find(({ datatype }) => !fitsJson(datatype));
  const title = `\n# ${model.name.replaceAll(/[\r\n]/g, ' ')}`;
  if (binary)
    return `${title}: its input '${binary.name}' is ${binary.datatype}, which JSON does not carry; use --language python`;
  const path = `$url/v2/models/${encodeURIComponent(model.name).replaceAll(/['$`"\\]/g, encode)}`;
  if (model.decoupled) {
    const members = inputs.map(
      (input) => `${json(input.name)}:${input.count === 1 ? exampleValue(input) : list(input)}`,
    );
    return `${title}: any number of responses\n${call(`${path}/generate_stream`, `{${members.join(',')}}`)}`;
  }
  const tensors = inputs.map(
    (input) =>
      `{"name":${json(input.name)},"datatype":"${input.datatype}","shape":[${input.shape.join(',')}],"data":${list(input)}}`,
  );
  const parameters = model.stateful ? '"parameters":{"sequence_id":1,"sequence_start":true,"sequence_end":true},' : '';
  return `${title}\n${call(`${path}/infer`, `{${parameters}"inputs":[${tensors.join(',')}]}`)}`;
}

function call(url: string, body: string): string {
  return `curl -sS --fail-with-body "${url}" -H 'Content-Type: application/json' --data-binary @- <<JSON\n${body}\nJSON\necho`;
}

/** Values as JSON, of which a here-document keeps all but `$`, a backtick and a backslash. */
function list(tensor: ExampleTensor): string {
  const value = exampleValue(tensor);
  if (tensor.count <= longestList) return `[${Array(tensor.count).fill(value).join(',')}]`;
  return `[$(seq -s, ${tensor.count} | sed 's/[0-9][0-9]*/${value}/g')]`;
}

function exampleValue({ datatype }: ExampleTensor): string {
  if (datatype === 'BYTES') return '"text"';
  if (datatype === 'BOOL') return 'true';
  return datatype.startsWith('FP') ? '0.5' : '1';
}

function json(text: string): string {
  return JSON.stringify(text).replaceAll(/[\\$`]/g, (character) => `\\${character}`);
}

function encode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
