import type { Completion } from './completion.ts';

interface Backend {
  readonly backend: string;
  readonly platforms: readonly string[];
  readonly file: string;
  /** What must stand under that name for the backend to be detected by it. */
  readonly kind: 'file' | 'folder' | 'either';
}

/** Backends that Triton recognises, in the order in which it looks (core, `AutoCompleteBackendFields`). */
const backends: readonly Backend[] = [
  { backend: 'tensorflow', platforms: ['tensorflow_savedmodel'], file: 'model.savedmodel', kind: 'folder' },
  { backend: 'tensorflow', platforms: ['tensorflow_graphdef'], file: 'model.graphdef', kind: 'file' },
  { backend: 'tensorrt', platforms: ['tensorrt_plan'], file: 'model.plan', kind: 'file' },
  { backend: 'onnxruntime', platforms: ['onnxruntime_onnx'], file: 'model.onnx', kind: 'either' },
  { backend: 'openvino', platforms: [], file: 'model.xml', kind: 'either' },
  { backend: 'pytorch', platforms: ['pytorch_libtorch', 'libtorch'], file: 'model.pt', kind: 'either' },
  { backend: 'pytorch', platforms: ['torch_aoti'], file: 'model.pt2', kind: 'either' },
  { backend: 'python', platforms: [], file: 'model.py', kind: 'either' },
];

/** What the server fills in before anything else, auto-complete or not: name, backend, platform and model file. */
export function fillBlanks(completion: Completion): void {
  const { config, context } = completion;
  if (!config.name) {
    config.name = context.modelName;
    completion.changed('name', 'server', 'a blank name is the name of the folder');
  }
  if (config.platform === 'ensemble') return;
  const known = config.backend ? givenBackend(completion) : detectedBackend(completion);
  if (known !== undefined) fillFrom(known, completion);
  else if (!config.backend && !config.platform && !config.default_model_filename) fillFromName(completion);
}

/** The row of a backend that the config names. A platform, file name or content tells rows of one backend apart. */
function givenBackend({ config, context }: Completion): Backend | undefined {
  const rows = backends.filter((row) => row.backend === config.backend);
  const named = rows.find((row) => isNamed(row, config.platform, config.default_model_filename));
  if (named !== undefined) return named;
  // A platform that names no row leaves a backend of several rows undecided; one of a single row is filled all the same.
  if (config.platform) return rows.length === 1 && rows[0]!.platforms.length === 0 ? rows[0] : undefined;
  const held = config.default_model_filename ? undefined : rows.find((row) => holds(context.versionFiles, row));
  return held ?? (config.backend === 'tensorflow' ? undefined : rows[0]);
}

function detectedBackend(completion: Completion): Backend | undefined {
  const { config, context } = completion;
  const { platform, default_model_filename: file } = config;
  const blank = !platform && !file;
  const row = backends.find((one) => isNamed(one, platform, file) || (blank && holds(context.versionFiles, one)));
  if (row === undefined) return undefined;
  config.backend = row.backend;
  const because = row.platforms.includes(platform ?? '') ? `platform is ${platform}` : `the model file is ${row.file}`;
  completion.changed('backend', 'server', because);
  return row;
}

function isNamed(row: Backend, platform: string | undefined, file: string | undefined): boolean {
  return row.platforms.includes(platform ?? '') || file === row.file;
}

function holds(names: readonly string[] | undefined, { file, kind }: Backend): boolean {
  return names?.some((name) => name === file || (kind !== 'file' && name === `${file}/`)) ?? false;
}

function fillFrom(row: Backend, completion: Completion): void {
  const { config } = completion;
  const hadPlatform = Boolean(config.platform);
  if (!hadPlatform && row.platforms[0] !== undefined) {
    config.platform = row.platforms[0];
    completion.changed('platform', 'server', `what backend ${row.backend} runs from ${row.file}`);
  }
  // A PyTorch model that names its platform keeps a blank file name; the backend then takes model.pt by itself.
  const keepsBlank = row.file === 'model.pt' && hadPlatform;
  if (!config.default_model_filename && !keepsBlank) {
    config.default_model_filename = row.file;
    completion.changed('default_model_filename', 'server', `the usual file of backend ${row.backend}`);
  }
}

/** A model named `anything.backend` runs on a custom backend of that name. */
function fillFromName(completion: Completion): void {
  const { config, context } = completion;
  const { modelName } = context;
  const dot = modelName.indexOf('.');
  if (dot === -1) {
    const message = `the backend of ${modelName} is not given and cannot be told from its files or its name`;
    const isEnsemble = config.ensemble_scheduling !== undefined;
    completion.refuse(
      'complete/no-backend',
      'backend',
      message,
      isEnsemble ? 'set platform: "ensemble"' : 'set backend',
    );
    return;
  }
  const backend = modelName.slice(dot + 1);
  config.backend = backend;
  config.default_model_filename = `model.${backend}`;
  completion.changed('backend', 'server', `the part of the model's name after its first dot`);
  completion.changed('default_model_filename', 'server', 'model. and the backend');
}
