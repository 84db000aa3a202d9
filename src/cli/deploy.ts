import { ConchError } from '../base/index.ts';
import type { DeployPlan, GeneratedFile, WrittenFile } from '../deploy/index.ts';
import type { Command, CommandGroup, CommandInput, Option } from './command.ts';
import { fileOption, findDeployment, requireRepository } from './deployment.ts';
import type { Output } from './output.ts';

/** What every kind of deployment takes. */
const sharedOptions: readonly Option[] = [
  fileOption,
  { flags: '--repository <dir>', summary: "the model repository (default: the deployment's, else models)" },
  { flags: '--target <release>', summary: "Triton release, e.g. triton:26.07 (default: the deployment's)" },
  { flags: '--gpu', summary: 'give Triton a GPU (default: when a model needs one)' },
  { flags: '--cpu', summary: 'give it none' },
  { flags: '--dry-run', summary: 'print the files instead of writing them' },
  { flags: '--force', summary: 'overwrite files that were edited by hand' },
];

const composeCommand: Command = {
  name: 'compose',
  summary:
    'write a docker-compose.yml: Triton, the proxy, Prometheus and Grafana with a dashboard, pinned and hardened',
  options: [{ flags: '--out <dir>', summary: 'folder to write to', default: 'deploy/compose' }, ...sharedOptions],
  example: 'conch deploy compose --dry-run',
  async action(input, output) {
    const { composeFiles } = await import('../deploy/index.ts');
    return deploy('compose', input, output, composeFiles, (dir) => `in ${dir}: docker compose up --detach --wait`);
  },
};

const kubernetesCommand: Command = {
  name: 'kubernetes',
  summary:
    'write a Kustomize tree: Triton, its models by content, the proxy, scaling on the time in the queue; and KServe',
  options: [{ flags: '--out <dir>', summary: 'folder to write to', default: 'deploy/kubernetes' }, ...sharedOptions],
  example: 'conch deploy kubernetes --dry-run',
  async action(input, output) {
    const { kubernetesFiles } = await import('../deploy/index.ts');
    const next = (dir: string) => `${dir}/publish.sh, then kubectl apply -k ${dir}`;
    return deploy('kubernetes', input, output, kubernetesFiles, next);
  },
};

export const deployCommand: CommandGroup = {
  name: 'deploy',
  summary: 'write what puts a repository into service on Triton, from the deployment file',
  commands: [composeCommand, kubernetesCommand],
};

async function deploy(
  kind: string,
  { options }: CommandInput,
  output: Output,
  generate: (plan: DeployPlan, dir: string) => GeneratedFile[],
  next: (dir: string) => string,
): Promise<number> {
  if (options.gpu === true && options.cpu === true) throw new ConchError('USAGE', '--gpu and --cpu exclude each other');
  const { planDeployment, writeFiles } = await import('../deploy/index.ts');
  const plan = await planDeployment({
    loaded: await findDeployment(options.file),
    repository: await repositoryFor(options),
    ...((options.gpu === true || options.cpu === true) && { gpu: options.gpu === true }),
    ...(options.target !== undefined && { target: options.target as string }),
  });
  const dir = options.out as string;
  const files = generate(plan, dir);
  const dryRun = options.dryRun === true;
  const written = await writeFiles(files, { dir, kind, dryRun, force: options.force === true });
  if (output.json) {
    const { name, gpu, gpuReason, images, contentHash, tokenizers } = plan;
    const models = plan.models.map(({ model, backend, hash }) => ({ model, backend, hash }));
    const shown = dryRun ? files.map(({ path, text }) => ({ path, text })) : undefined;
    const facts = { name, target: plan.target.name, gpu, gpuReason, images, contentHash, models, tokenizers };
    output.printJson({ dir, dryRun, ...facts, written, ...(shown && { files: shown }) });
    return 0;
  }
  if (dryRun) for (const { path, text } of files) output.print(`==> ${dir}/${path} <==\n${text}`);
  report(plan, written, output);
  output.note(next(dir));
  return 0;
}

async function repositoryFor(options: CommandInput['options']): Promise<string> {
  if (options.repository !== undefined || options.file === undefined) return requireRepository(options.repository);
  const loaded = await findDeployment(options.file);
  const { repositoryOf } = await import('../compile/index.ts');
  return requireRepository(repositoryOf(loaded!));
}

function report(plan: DeployPlan, written: readonly WrittenFile[], output: Output): void {
  for (const status of ['new', 'changed', 'removed', 'kept', 'unchanged'] as const) {
    const paths = written.filter((file) => file.status === status).map(({ path }) => path);
    if (paths.length > 0) output.note(`${status}: ${paths.join(', ')}`);
  }
  output.note(`${plan.models.length} models on ${plan.images.triton}, ${plan.gpu ? 'GPU' : 'CPU'}: ${plan.gpuReason}`);
  for (const { model, kind } of plan.tokenizers) {
    output.note(`${model} (${kind}) needs the Python package tokenizers: Triton's image is built with it`);
  }
  if (!plan.images.triton.includes('@sha256:') && plan.tokenizers.length === 0) {
    output.note('images are pinned by tag; deploy.images in the deployment file takes digests');
  }
}
