import type { ModelRule } from '../../rule.ts';
import { groupsOf } from './groups.ts';

export const resourceClash: ModelRule = {
  code: 'instances/resource-clash',
  severity: 'warning',
  summary: 'A rate limiter resource is global everywhere or nowhere.',
  why: 'A global resource has one pool for the server, another one pool for each device. A server started with `--rate-limit=execution_count` refuses the model when one name is used in both ways; without that flag rate limiters are not read at all.',
  fix: 'Use two names, or `global` on all uses of the name.',
  *check(model) {
    const scopes = new Map<string, boolean>();
    for (const { path, group } of groupsOf(model)) {
      for (const [index, resource] of (group.rate_limiter?.resources ?? []).entries()) {
        const name = resource.name ?? '';
        const global = resource.global ?? false;
        const before = scopes.get(name);
        if (before === undefined) scopes.set(name, global);
        else if (before !== global) {
          const at = `${path}.rate_limiter.resources[${index}]`;
          yield { path: at, message: `resource '${name}' is declared both global and for each device` };
        }
      }
    }
  },
};
