import type { ModelRule } from '../../rule.ts';

export const controlName: ModelRule = {
  code: 'sequence/control-name',
  severity: 'error',
  summary: 'Every control input has a name of its own.',
  why: 'A control input is a model input that Triton fills by itself. Triton refuses one without a name, and the same name listed twice.',
  fix: 'Give each control input its name, and put all signals of one input into one entry.',
  *check(model) {
    const seen = new Set<string>();
    for (const [index, { name }] of (model.written.sequence_batching?.control_input ?? []).entries()) {
      const path = `sequence_batching.control_input[${index}]`;
      if (!name) yield { path, message: `control_input[${index}] has no name` };
      else if (seen.has(name)) yield { path: `${path}.name`, message: `control input '${name}' is listed twice` };
      else seen.add(name);
    }
  },
};
