import type { ModelRule } from '../../rule.ts';

export const agentUnknown: ModelRule = {
  code: 'general/agent-unknown',
  severity: 'warning',
  summary: 'Repository agents are ones that the server has.',
  why: 'Triton looks for `libtritonrepoagent_<name>.so` in its agent directory when it polls the model, and refuses the model without it. Its own images hold one, `checksum`.',
  fix: 'Remove the agent, or install its library on the server.',
  *check(model) {
    for (const [index, { name = '' }] of (model.written.model_repository_agents?.agents ?? []).entries()) {
      if (name === 'checksum') continue;
      const library = `libtritonrepoagent_${name}.so`;
      const message = `repository agent '${name}' needs ${library}, which ${model.repository.target.name} does not have`;
      yield { path: `model_repository_agents.agents[${index}].name`, message };
    }
  },
};
