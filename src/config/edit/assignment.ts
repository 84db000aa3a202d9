import { ConchError } from '../../base/index.ts';
import { exactInteger, fieldFromJson } from '../json/from-json.ts';
import { unknownField } from '../schema/values.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';
import { bindFields } from '../text/bind.ts';
import { Findings } from '../text/findings.ts';
import { throughValue } from '../text/locate.ts';
import { parsePath, type Step } from '../text/path.ts';
import { readTree } from '../text/read.ts';
import { quoteString } from '../text/strings.ts';
import type { ConfigEdit } from './edit.ts';
import { errorOf } from './format.ts';

const assignment = /^((?:[^="]|"(?:[^"\\]|\\.)*")*)=([\s\S]*)$/;

/**
 * An edit from the words of a command line: `max_batch_size=8`, `backend=onnxruntime`, `input[0].dims=-1,128`,
 * `dynamic_batching={ }`. The value is what config.pbtxt would hold; quotes around strings, and brackets around lists of
 * plain values, may be left out. Lists and messages may also be JSON: `instance_group=[{"count": 2}]`.
 *
 * @throws CONFIG_INVALID when it is not `path=value`, or path or value does not fit the schema.
 */
export function parseAssignment(text: string): ConfigEdit {
  const [, path, value] = assignment.exec(text) ?? [];
  const steps = path === undefined ? undefined : parsePath(path.trim());
  if (path === undefined || value === undefined || steps === undefined) {
    const fix = 'write it like max_batch_size=8 or input[0].dims=-1,128';
    throw new ConchError('CONFIG_INVALID', `${text} is not an assignment path=value`, { fix });
  }
  const { message, field, isOne } = leafOf(modelConfig, steps, path.trim());
  const json = jsonOf(value);
  if (json !== undefined) return { path: path.trim(), value: fieldFromJson(field, json, path.trim(), isOne) };
  const findings = new Findings();
  const source = spelled(field, value.trim(), isOne);
  const tree = readTree(source, findings);
  const [, extra] = tree.fields;
  if (extra !== undefined)
    findings.report('config/syntax', extra.start, extra.end, `${extra.name} stands behind the value`);
  const read = bindFields(message, tree.fields, source, findings)[field.name];
  const [wrong] = findings.diagnostics(source, undefined, () => path.trim());
  if (wrong !== undefined) throw errorOf({ ...wrong, where: { path: path.trim() } });
  return { path: path.trim(), value: isOne && field.many ? (read as unknown[])[0] : read };
}

/** A list or object that is JSON; what is text format as well means the same in both. */
function jsonOf(value: string): unknown {
  if (!/^\s*[[{]/.test(value)) return undefined;
  try {
    return JSON.parse(value, exactInteger);
  } catch {
    return undefined;
  }
}

/** The field that a path ends in, and whether it names one value of a list or map rather than the whole. */
function leafOf(
  message: Message,
  steps: readonly Step[],
  path: string,
): { message: Message; field: Field; isOne: boolean } {
  const [step, next, ...rest] = steps;
  const field = step?.kind === 'field' ? message.field(step.name) : undefined;
  if (field === undefined) {
    if (step?.kind === 'field') throw unknownField(message, step.name, path);
    throw new ConchError('CONFIG_INVALID', `${path} leads through a plain value`, { where: { path } });
  }
  if (next === undefined) return { message, field, isOne: !field.many };
  if (field.entry !== undefined && next.kind === 'key') return leafOf(field.entry, throughValue(field, rest), path);
  if (next.kind === 'index' && field.many && rest.length === 0) return { message, field, isOne: true };
  const inner = next.kind === 'index' ? rest : [next, ...rest];
  if (field.message !== undefined && (next.kind === 'index') === field.many && field.entry === undefined)
    return leafOf(field.message, inner, path);
  const what = field.entry ? 'a map' : field.many ? 'a list' : field.message ? 'a message' : 'a plain value';
  const example = field.entry ? 'entries like parameters["key"]' : 'items like input[0]';
  throw new ConchError('CONFIG_INVALID', `${path}: ${field.name} is ${what}`, {
    where: { path },
    ...(field.entry || field.many ? { fix: `name one of its ${example}`.replace(/\w+(?=\[)/, field.name) } : {}),
  });
}

function spelled(field: Field, value: string, isOne: boolean): string {
  const list = !isOne && field.message === undefined && !value.startsWith('[');
  const items = list ? (value === '' ? [] : value.split(',').map((item) => item.trim())) : [value];
  const quoted = items.map((item) => (field.scalar === 'string' && !/^["']/.test(item) ? quoteString(item) : item));
  return `${field.name}: ${list ? `[${quoted.join(', ')}]` : quoted[0]}`;
}
