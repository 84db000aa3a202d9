import { basename, relative, resolve } from 'node:path';
import { ConchError, hashValue } from '../base/index.ts';
import { type DeploySettings, type LoadedDeployment, servingImage } from '../compile/index.ts';
import { defaultTarget, findTarget, type Target } from '../onnx/index.ts';
import { type ModelRepository, openRepository } from '../repository/index.ts';
import { contentOf, type ModelContent } from './content.ts';
import { conchImage, images } from './pins.ts';
import { type NeedyTokenizer, needyTokenizers } from './tokenizers.ts';

export interface PlanOptions {
  /** Absent where a repository is put into service that no deployment file describes. */
  readonly loaded?: LoadedDeployment | undefined;
  /** The repository's folder. Must exist. */
  readonly repository: string;
  /** Overrides what the deployment says, and what the models show. */
  readonly gpu?: boolean | undefined;
  /** Triton release, e.g. `triton:26.07`; the deployment's unless given. */
  readonly target?: string | undefined;
}

/** All that the files for production follow from. Two plans of the same inputs are equal: nothing in it is of the moment. */
export interface DeployPlan {
  readonly name: string;
  /** How a reader finds the inputs: the deployment file's name, else the repository's. */
  readonly source: string;
  readonly target: Target;
  readonly gpu: boolean;
  /** Why Triton gets a GPU, or none. */
  readonly gpuReason: string;
  /** Absolute folder of the repository. */
  readonly repository: string;
  readonly models: readonly PlannedModel[];
  /** Of all models together; another one means that something to serve has changed. */
  readonly contentHash: string;
  readonly tokenizers: readonly NeedyTokenizer[];
  readonly images: Readonly<Record<'triton' | 'conch' | 'prometheus' | 'grafana' | 'sync', string>>;
  /** Whether a model keeps responses, for which Triton must be given a cache. */
  readonly responseCache: boolean;
  readonly exitTimeoutSecs: number;
  readonly shmSize: string;
  readonly modelControlMode: 'none' | 'poll' | 'explicit';
  readonly settings: DeploySettings;
}

export interface PlannedModel extends ModelContent {
  readonly backend: string;
}

/** Reads the repository and works out what to deploy. Throws USAGE, DEPLOYMENT_INVALID or REPOSITORY_INVALID. */
export async function planDeployment(options: PlanOptions): Promise<DeployPlan> {
  const { loaded } = options;
  const settings = loaded?.deployment.deploy ?? {};
  const target = targetOf(options.target ?? loaded?.deployment.target);
  const repository = await openRepository(options.repository);
  if (repository.models.length === 0) {
    throw new ConchError('REPOSITORY_INVALID', `there is no model in ${options.repository}`, {
      fix: 'run conch compile first',
    });
  }
  checkLoadModel(settings, repository);
  const content = await contentOf(repository);
  const models = content.map((one, index) => ({ ...one, backend: backendOf(repository, index) }));
  const tokenizers = await needyTokenizers(repository);
  const name = settings.name ?? 'conch';
  const [gpu, gpuReason] = gpuOf(options.gpu ?? settings.gpu, repository, options.gpu !== undefined);
  const stock = servingImage(target);
  return {
    name,
    source: loaded?.file === undefined ? basename(resolve(options.repository)) : basename(loaded.file),
    ...{ target, gpu, gpuReason },
    repository: repository.root,
    models,
    contentHash: hashValue(content.map(({ model, hash }) => [model, hash])),
    tokenizers,
    images: {
      triton: settings.images?.triton ?? (tokenizers.length > 0 ? `${name}-triton:${target.release}` : stock),
      conch: settings.images?.conch ?? conchImage(),
      prometheus: settings.images?.prometheus ?? images.prometheus,
      grafana: settings.images?.grafana ?? images.grafana,
      sync: settings.images?.sync ?? images.sync,
    },
    responseCache: repository.models.some(({ parsed }) => parsed?.config.response_cache?.enable === true),
    exitTimeoutSecs: settings.exit_timeout_secs ?? 30,
    shmSize: settings.shm_size ?? '1Gi',
    modelControlMode: settings.model_control_mode ?? 'none',
    settings,
  };
}

function targetOf(name: string | undefined): Target {
  const target = name === undefined ? defaultTarget : findTarget(name);
  if (target.release !== undefined) return target;
  throw new ConchError('USAGE', `Triton is deployed for a release of it, the target is '${target.name}'`, {
    fix: 'set target in conch.config.ts, or give --target, e.g. triton:26.07',
  });
}

function checkLoadModel({ load_model: names, model_control_mode: mode }: DeploySettings, repository: ModelRepository) {
  if (names === undefined) return;
  const refuse = (message: string, fix: string) => {
    throw new ConchError('DEPLOYMENT_INVALID', `deploy.load_model: ${message}`, { fix });
  };
  if (mode !== 'explicit') {
    refuse(
      `it needs model_control_mode 'explicit', the mode is '${mode ?? 'none'}'`,
      'set deploy.model_control_mode, or leave load_model out',
    );
  }
  const known = repository.models.map(({ name }) => name);
  const unknown = names.find((one) => one !== '*' && !known.includes(one));
  if (unknown !== undefined) refuse(`there is no model '${unknown}'`, `the repository has ${known.join(', ')}`);
}

function backendOf({ models }: ModelRepository, index: number): string {
  const config = models[index]!.parsed?.config;
  if (config?.ensemble_scheduling !== undefined || config?.platform === 'ensemble') return 'ensemble';
  return config?.backend || config?.platform || 'unknown';
}

function gpuOf(asked: boolean | undefined, repository: ModelRepository, byFlag: boolean): [boolean, string] {
  if (asked !== undefined) {
    const where = byFlag ? (asked ? '--gpu' : '--cpu') : 'deploy.gpu';
    return [asked, `${where} says so`];
  }
  const needy = modelWithGpu(repository);
  return needy === undefined ? [false, 'no model needs one'] : [true, needy];
}

/** Which model needs a GPU, and why; undefined when none does. */
export function modelWithGpu({ models }: ModelRepository): string | undefined {
  for (const { name, parsed } of models) {
    const config = parsed?.config;
    if (config?.platform === 'tensorrt_plan' || config?.backend === 'tensorrt') return `${name} is a TensorRT plan`;
    if (config?.instance_group?.some(({ kind }) => kind === 'KIND_GPU')) return `${name} has instances of KIND_GPU`;
  }
  return undefined;
}

/** `path` from the folder `from`, with `/` between folders and a leading `./` or `../`, as Compose resolves it. */
export function relativeTo(from: string, path: string): string {
  const way = relative(resolve(from), resolve(path)).replaceAll('\\', '/');
  return way.startsWith('..') ? way : `./${way}`;
}
