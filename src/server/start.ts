import { ConchError, type Logger } from '../base/index.ts';
import type { Engine } from '../engine/index.ts';

export interface ServerOptions {
  /** Folder of the model repository. */
  readonly repository: string;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default 8000; 0 takes a free port. */
  readonly httpPort?: number;
  /** Default 8002; 0 takes a free port, false serves no metrics. */
  readonly metricsPort?: number | false;
  /** Models to load; default all. */
  readonly models?: readonly string[];
  readonly logger?: Logger;
  /** Threads of the ONNX runtime, as in EngineOptions. */
  readonly threads?: number;
  /** Whether a model that fails to load stops the start; as in EngineOptions. */
  readonly exitOnError?: boolean;
}

export interface RunningServer {
  /** `http://host:port` of the inference port. */
  readonly url: string;
  readonly httpPort: number;
  readonly metricsPort: number | undefined;
  readonly engine: Engine;
  /** Stops accepting, finishes what is under way, unloads. */
  close(): Promise<void>;
}

/** Opens the sockets, loads the models, and resolves when the server is ready. */
export function startServer(_options: ServerOptions): Promise<RunningServer> {
  return Promise.reject(new ConchError('INTERNAL', 'not built yet'));
}
