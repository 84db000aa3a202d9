import { dimsOf, type ModelInput } from '../../../config/index.ts';
import { hasSoundDims, hasType, shownType } from '../../fields.ts';
import { quoted } from '../../names.ts';
import type { Finding, ModelRule } from '../../rule.ts';
import { agree, shownShape } from '../../shapes.ts';
import type { ModelView } from '../../view.ts';
import { type SampleView, samplesOf } from './samples.ts';

export const request: ModelRule = {
  code: 'warmup/request',
  severity: 'error',
  summary: 'A warm-up sample is a valid request: all required inputs, right types and shapes.',
  why: 'Samples pass the same checks as requests from outside, with one row each: the dims stand without the batch dimension. A fault fails the load of the model.',
  fix: 'Give every required input with the type and dims of the config.',
  *check(model) {
    const { input = [] } = model.config;
    if (model.leavesOpen('input')) return;
    for (const view of samplesOf(model)) {
      const given = new Set(view.inputs.map((one) => one.name));
      const missing = input.flatMap((one) => (one.optional || given.has(one.name ?? '') ? [] : [one.name ?? '']));
      if (missing.length > 0) {
        yield { path: `${view.path}.inputs`, message: `${view.label} lacks input ${quoted(missing)}` };
      }
      const required = input.filter((one) => !one.optional).map((one) => one.name ?? '');
      const twice = required.find((name, at) => given.has(name) && required.indexOf(name) !== at);
      if (twice !== undefined) {
        const message = `${view.label} cannot give input '${twice}' twice, as often as it is declared`;
        yield { path: `${view.path}.inputs`, message };
      }
      yield* misfits(view, input, model);
    }
  },
};

function* misfits(view: SampleView, declared: readonly ModelInput[], model: ModelView): Generator<Finding> {
  for (const { name, path, data } of view.inputs) {
    const tensor = declared.find((one) => one.name === name);
    if (tensor === undefined) continue;
    if (hasType(tensor.data_type) && data.data_type !== tensor.data_type) {
      const types = `${shownType(data.data_type)}, the model takes ${shownType(tensor.data_type)}`;
      yield { path: `${path}.data_type`, message: `${view.label} gives input '${name}' as ${types}` };
    }
    const dims = dimsOf(data);
    const wanted = dimsOf(tensor);
    const fits = agree(dims, wanted) && dims.every((one) => one > 0);
    if (dims.includes(-1) || fits || !hasSoundDims(tensor)) continue;
    const shapes = `${shownShape(dims, model.batches)}, the model takes ${shownShape(wanted, model.batches)}`;
    yield { path: `${path}.dims`, message: `${view.label} gives input '${name}' as ${shapes}` };
  }
}
