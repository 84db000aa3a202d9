import { createRequire } from 'node:module';
import './onnx-telemetry.ts';
import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** A tensor as the binding reads it; what it returns are `Tensor`s. */
export interface DirectTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  readonly location: 'cpu';
}

/** The part of ONNX Runtime's Node binding that does the work: a session whose `run` returns what it computed. */
export interface DirectSession {
  loadModel(path: string, options: InferenceSession.SessionOptions): void;
  /** `fetches`: the wanted outputs by name, each null. Options of a run would be read anew each time, so there are none. */
  run(feeds: Readonly<Record<string, DirectTensor>>, fetches: Readonly<Record<string, null>>): Record<string, Tensor>;
  dispose(): void;
}

interface Binding {
  readonly initOrt: () => void;
  readonly binding: { readonly InferenceSession: new () => DirectSession };
}

/**
 * A session of the binding itself. The package's own `run` waits a turn of the event loop for each of its runs, which for
 * a perceptron takes longer than what it computes. Undefined where the package does not look as it did in 1.30; whoever
 * asks then does without. Throws what the runtime says of the model.
 */
export function openDirect(path: string, options: InferenceSession.SessionOptions): DirectSession | undefined {
  const found = bindingOf();
  if (!found) return undefined;
  found.initOrt();
  const session = new found.binding.InferenceSession();
  if (typeof session.loadModel !== 'function' || typeof session.run !== 'function') return undefined;
  session.loadModel(path, options);
  return session;
}

function bindingOf(): Binding | undefined {
  try {
    const found = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js') as Partial<Binding>;
    const whole = typeof found.initOrt === 'function' && typeof found.binding?.InferenceSession === 'function';
    return whole ? (found as Binding) : undefined;
  } catch {
    return undefined;
  }
}
