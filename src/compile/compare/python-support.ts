import { toConchError } from '../../base/index.ts';
import { askPython } from '../python/ask-python.ts';
import { type CompilePython, compileInterpreter, type InterpreterOptions } from '../python/interpreter.ts';
import type { VariantReport } from './report.ts';
import type { PythonBuild } from './variants.ts';

export type NotBuilt = NonNullable<VariantReport['notBuilt']>;

/** The Python that makes variants, and what it lacks for which. */
export interface PythonSupport {
  readonly python?: CompilePython;
  /** Versions of what is there. */
  readonly versions: Readonly<Record<string, string>>;
  /** What stands in the way of a build, of a sentence encoder or of another model; undefined where nothing does. */
  missing(build: PythonBuild, sentence: boolean): NotBuilt | undefined;
}

/** Packages beside those of the compile environment: pip's name of what a build imports. */
const furtherPackages = ['transformers', 'sentence-transformers', 'nvidia-modelopt', 'onnx-graphsurgeon'] as const;
const shownPackages = ['torch', 'onnx', 'onnxscript', ...furtherPackages];

/** Looks for the compile environment; never throws for what is not there. */
export async function findPythonSupport(options: InterpreterOptions): Promise<PythonSupport> {
  let python: CompilePython;
  try {
    python = await compileInterpreter(options);
  } catch (thrown) {
    options.signal?.throwIfAborted();
    const { message, fix } = toConchError(thrown);
    return { versions: {}, missing: () => ({ reason: message, ...(fix !== undefined && { fix }) }) };
  }
  const { command, version } = python;
  const facts = await askPython(command, [...shownPackages, 'pip'], options.env, options.signal);
  const packages = facts?.packages ?? {};
  const present = Object.entries(packages).filter(([name, found]) => name !== 'pip' && found !== null);
  // An environment that uv made has no pip of its own.
  const install = packages.pip ? `${command} -m pip install` : `uv pip install --python ${command}`;
  const lacking = (name: string, spelled = name): NotBuilt => ({
    reason: `${name} is not installed in ${command}`,
    fix: `${install} ${spelled}`,
  });
  return {
    python,
    versions: { python: version, ...(Object.fromEntries(present) as Record<string, string>) },
    missing(build, sentence) {
      if (build.startsWith('modelopt')) {
        // Its part for ONNX is an extra, which brings onnx-graphsurgeon among others.
        const there = packages['nvidia-modelopt'] && packages['onnx-graphsurgeon'];
        return there ? undefined : lacking('nvidia-modelopt[onnx]', "'nvidia-modelopt[onnx]'");
      }
      const needed = sentence ? 'sentence-transformers' : 'transformers';
      return packages[needed] ? undefined : lacking(needed);
    },
  };
}
