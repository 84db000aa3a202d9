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

/** A model that Python runs: `file` is the name of its file where the config says nothing. */
export async function loadPython(
  source: ModelSource,
  runs: Extract<Command, { kind: 'start' }>['runs'],
  file: string,
): Promise<LoadedModel> {
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
        refusal: (report) => refusal(report, path, command),
        unstartable: (ending) => unstartable(ending, command),
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

function refusal(report: Extract<Report, { kind: 'refused' }>, path: string, command: string): ConchError {
  if (report.reason === 'numpy') {
    return new ConchError(
      'MODEL_LOAD_FAILED',
      `${command} has no numpy, which Triton's Python models are built on: ${report.message}`,
      {
        where: { file: path },
        fix: install(command, 'numpy'),
      },
    );
  }
  const line = report.line ?? undefined;
  // The places that the error passed, innermost first; one is enough where the message names the line.
  const places = report.trace.split('\n\nAt:\n')[1]?.split('\n').slice(0, 5) ?? [];
  return new ConchError('MODEL_LOAD_FAILED', [report.message, ...places].join('\n'), {
    where: { file: path, ...(line !== undefined && { line }) },
    ...(report.missing && { fix: install(command, report.missing) }),
  });
}

function install(command: string, module: string): string {
  return `${command} -m pip install ${module}, or name another interpreter in the environment variable CONCH_PYTHON`;
}

function unstartable({ how }: Ending, command: string): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `the Python interpreter '${command}' cannot be started: ${how}`, {
    fix: 'install Python 3 with numpy, or name an interpreter in the environment variable CONCH_PYTHON',
  });
}
