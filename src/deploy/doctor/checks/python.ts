import { torchPython } from '../../../base/index.ts';
import { inspectEnvironment } from '../../../compile/index.ts';
import { type Check, type Finding, lacking } from '../examination.ts';

/** Python for models that run in it on the embedded server, and the environment of the compile steps that need PyTorch. */
export const python: Check = async (examination) => [
  ...(await interpreter(examination)),
  await environment(examination),
];

const interpreter: Check = async ({ machine, engine, repository }) => {
  const own = machine.env.CONCH_PYTHON;
  const install = (modules: string) => `install Python 3 with ${modules}, or name one in CONCH_PYTHON`;
  const kinds = [
    { backend: 'python', command: own || 'python3', modules: 'numpy', fix: install('numpy') },
    {
      backend: 'pytorch',
      command: torchPython(machine.env),
      modules: 'numpy, torch',
      fix: own ? install('numpy, torch') : 'conch env makes one, or name a Python with numpy, torch in CONCH_PYTHON',
    },
  ];
  const findings: Finding[] = [];
  for (const { backend, command, modules, fix } of kinds) {
    const needy = (repository?.models ?? []).filter(
      ({ parsed: { config } = {} }) =>
        // conch's own tokenizers run natively.
        config?.backend === backend && config.parameters?.['conch.backend'] === undefined,
    );
    if (needy.length === 0) continue;
    const answer = await machine.run(command, ['-c', `import platform, ${modules}; print(platform.python_version())`]);
    const subject = 'python';
    if (answer?.code === 0) {
      const detail = `${command}, Python ${answer.stdout.trim()}, with ${modules}`;
      findings.push({ subject, status: 'ok', detail });
      continue;
    }
    const names = needy.map(({ name }) => name).join(', ');
    const why = answer === undefined ? 'cannot be started' : `lacks ${modules}`;
    const detail = `${names} run in Python on the embedded server, but ${command} ${why}`;
    findings.push(lacking(subject, engine === 'embedded', detail, fix));
  }
  return findings;
};

async function environment({ loaded, signal }: Parameters<Check>[0]): Promise<Finding> {
  const modules = Object.entries(loaded?.deployment.models ?? {}).filter(([, model]) => 'module' in model);
  const { complete, dir, missing } = await inspectEnvironment(signal ? { signal } : {});
  const subject = 'compile environment';
  if (complete) return { subject, status: 'ok', detail: dir };
  const detail =
    modules.length > 0
      ? `${modules.map(([name]) => name).join(', ')} are PyTorch modules, and ${missing.join(', ') || 'something'} is missing`
      : 'not made; only PyTorch modules and some variants need it';
  // What is compiled already serves without it.
  return {
    subject,
    status: modules.length > 0 ? 'warning' : 'absent',
    detail,
    fix: 'conch env makes it',
  };
}
