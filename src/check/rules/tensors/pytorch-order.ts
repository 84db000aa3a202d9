import { quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const pytorchOrder: ModelRule = {
  code: 'tensors/pytorch-order',
  severity: 'warning',
  summary: 'Either all inputs (or outputs) of a PyTorch model end in `__<index>`, or none does.',
  why: 'TorchScript has no names for outputs and none that must be used for inputs. The backend takes `OUTPUT__1` for the second one, but only while all names of that side have an index; with one exception it goes by the order of the config instead, and tensors may be exchanged.',
  fix: 'Give every name of that side an index, e.g. `INPUT__0`, `INPUT__1`, counted from 0.',
  *check(model) {
    if (model.backend !== 'pytorch') return;
    for (const kind of ['input', 'output'] as const) {
      const names = (model.written[kind] ?? []).map((one) => one.name ?? '');
      const plain = names.filter((name) => !/__\d+$/.test(name));
      if (plain.length === 0 || plain.length === names.length) continue;
      yield {
        path: `${kind}[${names.indexOf(plain[0]!)}].name`,
        message: `${kind} ${quoted(plain)} has no index as the others have, so ${kind}s are taken in the order of the config`,
      };
    }
  },
};
