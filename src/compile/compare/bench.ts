import { join } from 'node:path';
import { type Progress, toConchError, track } from '../../base/index.ts';
import { createTokenizer, type TokenizerFiles } from '../../text/index.ts';
import type { Layout } from '../architectures/index.ts';
import type { CompiledModel } from '../compiled.ts';
import type { GateInputs } from '../gate/gate.ts';
import { runModel } from '../gate/runner.ts';
import { textInputs } from '../gate/text-inputs.ts';
import { type GateText, ordinaryTexts } from '../gate/texts.ts';
import { accuracyOf, firstOutput } from './accuracy.ts';
import { buildVariant } from './build.ts';
import type { PythonSupport } from './python-support.ts';
import { answersOfTorchScript, buildInPython, timeTorchScript } from './python-variant.ts';
import type { AccuracyFigures, BuildFigures, CompareReport, SpeedFigures, VariantReport } from './report.ts';
import { medians, type TimingOrder, timeOnnx } from './timing.ts';
import { referenceId, type Variant } from './variants.ts';

/** Texts of a batch while throughput is timed. */
const batch = 8;
/** Texts that are timed, the first ones. */
const mostTimed = 64;

/** The model that variants are built of. */
export interface Subject {
  /** Folder of the checkpoint, and the one that was named: that of sentence-transformers' modules.json, where it has one. */
  readonly dir: string;
  readonly root: string;
  /** Its class in transformers. */
  readonly className: string;
  readonly tokenizer: TokenizerFiles;
  /** Empty for ordinary texts. */
  readonly texts: readonly GateText[];
  readonly pairs: boolean | undefined;
  readonly maxLength: number | undefined;
  readonly reduceRange: boolean;
}

interface Entry {
  readonly dir: string;
  readonly rounds: SpeedFigures[];
  build?: BuildFigures;
  accuracy?: AccuracyFigures;
  notBuilt?: VariantReport['notBuilt'];
}

interface Given {
  readonly subject: Subject;
  /** Name of the target. */
  readonly target: string;
  readonly python: PythonSupport;
  readonly threads: number;
  /** Folder with a folder for each variant. */
  readonly work: string;
  readonly signal: AbortSignal | undefined;
}

/** Builds, compares and times the variants of one model; what fails for one is kept as its answer. */
export class Bench {
  readonly #given: Given;
  readonly #entries = new Map<string, Entry>();
  readonly #inputs = new Map<Layout, { compared: GateInputs; timed: GateInputs }>();
  /** Of the reference. */
  #facts: CompiledModel | undefined;
  #expected: readonly Float64Array[] = [];
  /** Of the reference against what the texts say that the source gives, where they do. */
  #sourceError: number | undefined;

  constructor(given: Given) {
    this.#given = given;
  }

  /** The reference and the texts, as the report tells of them. */
  get facts(): Pick<CompareReport, 'texts' | 'batch' | 'sourceError'> {
    const { compared, timed } = this.#inputsOf('packed');
    const tokens = timed.alone.reduce((sum, { kept }) => sum + kept!.length, 0);
    return {
      texts: { compared: compared.count, timed: timed.alone.length, meanTokens: tokens / timed.alone.length },
      batch,
      ...(this.#sourceError !== undefined && { sourceError: this.#sourceError }),
    };
  }

  /** Variants come in the order of their plan: the reference first. Only its failure is thrown. */
  async build(variant: Variant, progress: Progress): Promise<void> {
    const { subject, target, python, work, signal } = this.#given;
    const { id, step, layout } = variant;
    const source = variant.from === undefined ? undefined : this.#entry(variant.from);
    if (step.kind === 'same') {
      this.#entries.set(id, { ...source!, rounds: [] });
      return;
    }
    const entry: Entry = { dir: join(work, id), rounds: [] };
    this.#entries.set(id, entry);
    entry.notBuilt =
      source?.notBuilt ?? (step.kind === 'python' ? python.missing(step.build, this.#isSentence) : undefined);
    if (entry.notBuilt) return;
    await this.#attempt(entry, progress, `build ${id}`, async () => {
      if (step.kind === 'python') {
        entry.build = await buildInPython(
          {
            ...{ id, command: python.python!.command, build: step.build, outDir: entry.dir },
            ...{
              checkpoint: subject.dir,
              className: subject.className,
              onnx: source && join(source.dir, 'model.onnx'),
            },
            ...(this.#isSentence && { sentence: subject.root }),
            inputs: this.#facts!.inputs.map(({ name }) => name),
            output: this.#facts!.outputs[0]!.name,
            longest: this.#facts!.maxLength ?? 512,
            samples: this.#inputsOf('padded').compared.batches.slice(0, 1),
          },
          signal,
        );
      } else {
        const { facts, figures } = await buildVariant(
          {
            ...{ checkpoint: subject.dir, target, reduceRange: subject.reduceRange, layout, step, outDir: entry.dir },
            ...(source && { from: source.dir }),
          },
          signal,
        );
        entry.build = figures;
        if (id === referenceId) this.#facts = facts!;
      }
      if (source) entry.build = { ...entry.build, seconds: entry.build.seconds + source.build!.seconds };
    });
  }

  /** Runs a variant on all texts and holds its answers against the reference's. */
  async compare(variant: Variant, progress: Progress): Promise<void> {
    const { id, layout, from, step } = variant;
    const entry = this.#entry(id);
    if (entry.notBuilt) return;
    // ONNX Runtime's passes while loading change the order of sums, no more: the same file answers the same.
    if (step.kind === 'same') {
      const { accuracy, notBuilt } = this.#entry(from!);
      Object.assign(entry, accuracy && { accuracy }, notBuilt && { notBuilt });
      return;
    }
    await this.#attempt(entry, progress, `compare ${id}`, async () => {
      const { compared } = this.#inputsOf(layout);
      const answers = await this.#answers(variant, compared.batches);
      const rows = firstOutput(compared.batches, answers, this.#facts!.outputs[0]!.name);
      if (id === referenceId) this.#keepReference(rows, compared);
      const { task } = this.#facts!;
      entry.accuracy = accuracyOf({
        expected: this.#expected,
        actual: rows,
        classifies: task === 'text-classification' || task === 'token-classification',
        truth: task === 'text-classification' ? (compared.truth ?? []) : [],
      });
    });
  }

  /** One round: each variant once, beginning with another one in each round, so that what else goes on hits all alike. */
  async time(plan: readonly Variant[], round: number, rounds: number, progress: Progress): Promise<void> {
    const able = plan.filter(({ id }) => !this.#entry(id).notBuilt);
    await track(progress, `round ${round + 1} of ${rounds}`, async (task) => {
      for (let turn = 0; turn < able.length; turn++) {
        const variant = able[(turn + round) % able.length]!;
        const entry = this.#entry(variant.id);
        task.update(turn / able.length, variant.id);
        try {
          entry.rounds.push(await this.#time(variant, entry));
        } catch (thrown) {
          this.#given.signal?.throwIfAborted();
          entry.notBuilt = explain(thrown);
        }
      }
    });
  }

  reportOf({ id, title, maker, layout }: Variant): VariantReport {
    const { notBuilt, build, accuracy, rounds } = this.#entry(id);
    if (notBuilt) return { id, title, maker, layout, notBuilt };
    return {
      ...{ id, title, maker, layout },
      ...(build && { build }),
      ...(rounds.length > 0 && { speed: medians(rounds) }),
      ...(accuracy && { accuracy }),
    };
  }

  async #attempt(entry: Entry, progress: Progress, title: string, work: () => Promise<void>): Promise<void> {
    try {
      await track(progress, title, work);
    } catch (thrown) {
      this.#given.signal?.throwIfAborted();
      // Without it there is nothing to hold the others against.
      if (entry === this.#entries.get(referenceId)) throw thrown;
      entry.notBuilt = explain(thrown);
    }
  }

  #keepReference(rows: readonly Float64Array[], { expected = [] }: GateInputs): void {
    this.#expected = rows;
    const known = expected.flatMap((row, index) => (row ? [{ row, own: rows[index]! }] : []));
    if (known.length === 0) return;
    const order = { expected: known.map(({ row }) => row), actual: known.map(({ own }) => own) };
    this.#sourceError = accuracyOf({ ...order, classifies: false, truth: [] }).worstError;
  }

  #answers({ id, format }: Variant, samples: GateInputs['batches']) {
    const { signal, threads } = this.#given;
    const { dir } = this.#entry(id);
    if (format === 'onnx') return runModel({ path: join(dir, 'model.onnx'), samples, what: 'the variant' }, signal);
    return answersOfTorchScript({ ...this.#inPython(id), path: join(dir, 'model.pt'), threads }, samples, signal);
  }

  #time({ id, layout, format, runtimePasses }: Variant, { dir }: Entry): Promise<SpeedFigures> {
    const { threads, signal } = this.#given;
    const { timed } = this.#inputsOf(layout);
    const order: TimingOrder = {
      path: join(dir, format === 'onnx' ? 'model.onnx' : 'model.pt'),
      ...{ runtimePasses, threads, alone: timed.alone },
      // The last one is that of the longest text, which is for comparing.
      batches: timed.batches.slice(0, -1),
      count: timed.alone.length,
    };
    return format === 'onnx' ? timeOnnx(order, signal) : timeTorchScript(this.#inPython(id), order, signal);
  }

  #inPython(id: string) {
    const inputs = this.#facts!.inputs.map(({ name }) => name);
    return { id, command: this.#given.python.python!.command, inputs, place: this.#entry(id).dir };
  }

  get #isSentence(): boolean {
    return this.#facts?.task === 'sentence-similarity';
  }

  #entry(id: string): Entry {
    return this.#entries.get(id)!;
  }

  #inputsOf(layout: Layout) {
    const made = this.#inputs.get(layout);
    if (made) return made;
    const { subject } = this.#given;
    const { inputs, labels = [], task, maxLength = 512, maxSeqLength = maxLength } = this.#facts!;
    const { tokenizerJson, tokenizerConfig } = subject.tokenizer;
    const longest = subject.maxLength ?? Math.min(maxLength, maxSeqLength);
    const common = {
      tokenizer: createTokenizer(tokenizerJson, { tokenizerConfig, maxLength: longest }),
      ...{ layout, labels, names: inputs.map(({ name }) => name), pairs: subject.pairs ?? task === 'text-ranking' },
    };
    const texts = subject.texts.length > 0 ? subject.texts : ordinaryTexts.map((text): GateText => ({ text }));
    const both = {
      compared: textInputs({ ...common, texts, aloneCount: 0 }),
      timed: textInputs({ ...common, texts: texts.slice(0, mostTimed), batchSize: batch, aloneCount: mostTimed }),
    };
    this.#inputs.set(layout, both);
    return both;
  }
}

function explain(thrown: unknown): NonNullable<VariantReport['notBuilt']> {
  const { message, fix } = toConchError(thrown);
  return { reason: message, ...(fix !== undefined && { fix }) };
}
