import { access } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ConchError } from '../../../base/index.ts';
import { configToJson } from '../../../config/index.ts';
import type { Backend, LoadedModel, ModelSource } from '../../backend.ts';
import { instancePlaces, placeOf } from '../instance-groups.ts';
import { PythonInstance } from './instance.ts';
import { interpreterOf } from './interpreter.ts';
import type { Command, Report } from './messages.ts';
import { sweepSharedFolders } from './shared-files.ts';
import type { Ending } from './worker-process.ts';

/** Each instance is a process. */
const mostInstances = 64;
/** Milliseconds for a model's start and its end; Triton's default is 30 s too. */
const defaultPatience = 30_000;

/** `backend: "python"`: model.py as Triton runs it, in a process for each instance. */
export const pythonBackend: Backend = {
  load: (source) => loadPython(source, 'model.py', 'model.py'),
};

type Runs = Extract<Command, { kind: 'start' }>['runs'];

/** A model that Python runs: `file` is the name of its file where the config says nothing. */
export async function loadPython(source: ModelSource, runs: Runs, file: string): Promise<LoadedModel> {
  if (process.platform === 'win32') {
    throw new ConchError('NOT_SUPPORTED', 'it runs Python, which the embedded server does not do on Windows', {
      fix: 'serve it under WSL, or with Triton',
    });
  }
  sweepSharedFolders();
  const { config, name: model, dir, version, logger, server } = source;
  const path = await modelFile(source, file);
  const places = instancePlaces(config, mostInstances);
  const command = await interpreterOf(source);
  const patience = patienceOf(source);
  const modelConfig = JSON.stringify(configToJson(config));
  const decoupled = config.model_transaction_policy?.decoupled ?? false;
  return {
    facts: {
      instances: places.length,
      concurrency: 1,
      inline: false,
      padded: false,
      ownCode: true,
      errorsAreAnswers: runs === 'model.py',
    },
    createInstance: (name, onLost) => {
      const place = placeOf(places, name);
      const args = {
        model_config: modelConfig,
        model_instance_kind: place.kind,
        model_instance_name: place.name,
        model_instance_device_id: String(place.deviceId),
        model_repository: dirname(dir),
        model_version: String(version),
        model_name: model,
      };
      return PythonInstance.start({
        model,
        name,
        command,
        environment: {},
        start: { kind: 'start', runs, path, dir, decoupled, args },
        server,
        logger,
        patience,
        onLost,
        refusal: (report) => refusal(report, path, command, runs),
        unstartable: (ending) => unstartable(ending, command, runs),
      });
    },
    close: async () => {},
  };
}

async function modelFile({ config, dir }: ModelSource, standard: string): Promise<string> {
  const name = config.default_model_filename || standard;
  const path = join(dir, name);
  if (!path.startsWith(dir + sep)) {
    throw new ConchError('MODEL_LOAD_FAILED', `default_model_filename '${name}' leaves the version's folder`, {
      where: { path: 'default_model_filename' },
    });
  }
  await access(path).catch((cause: unknown) => {
    throw new ConchError('MODEL_LOAD_FAILED', `the model file ${path} does not exist or cannot be read`, {
      where: { file: path },
      cause,
    });
  });
  return path;
}

/** `--backend-config=python,stub-timeout-seconds=<n>`. */
function patienceOf({ settings }: ModelSource): number {
  const seconds = settings?.['stub-timeout-seconds'];
  if (seconds === undefined) return defaultPatience;
  if (/^\d{1,6}$/.test(seconds) && Number(seconds) > 0) return Number(seconds) * 1000;
  throw new ConchError(
    'MODEL_LOAD_FAILED',
    `stub-timeout-seconds must be a whole number of seconds, it is '${seconds}'`,
    {
      fix: 'start with --backend-config=python,stub-timeout-seconds=30',
    },
  );
}

function refusal(report: Extract<Report, { kind: 'refused' }>, path: string, command: string, runs: Runs): ConchError {
  const install = (module: string) =>
    environmentHelps(command, runs) ??
    `${command} -m pip install ${module}, or name another interpreter in the environment variable CONCH_PYTHON`;
  if (report.reason === 'numpy') {
    return new ConchError(
      'MODEL_LOAD_FAILED',
      `${command} has no numpy, which models in Python and TorchScript need: ${report.message}`,
      {
        where: { file: path },
        fix: install('numpy'),
      },
    );
  }
  const line = report.line ?? undefined;
  // The places that the error passed, innermost first; one is enough where the message names the line.
  const places = report.trace.split('\n\nAt:\n')[1]?.split('\n').slice(0, 5) ?? [];
  return new ConchError('MODEL_LOAD_FAILED', [report.message, ...places].join('\n'), {
    where: { file: path, ...(line !== undefined && { line }) },
    ...(report.missing && { fix: install(report.missing) }),
  });
}

function unstartable({ how }: Ending, command: string, runs: Runs): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `the Python interpreter '${command}' cannot be started: ${how}`, {
    fix:
      environmentHelps(command, runs) ??
      'install Python 3 with numpy, or name an interpreter in the environment variable CONCH_PYTHON',
  });
}

/** `python3` is what is left for TorchScript where nothing names an interpreter and `conch env` was not run. */
function environmentHelps(command: string, runs: Runs): string | undefined {
  if (runs !== 'torchscript' || command !== 'python3') return undefined;
  return 'run `conch env`, which makes a Python with PyTorch, or name one that has torch and numpy in the environment variable CONCH_PYTHON';
}
