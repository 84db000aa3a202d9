import { type Logger, toConchError } from '../base/index.ts';
import { watchModels } from '../repository/index.ts';
import type { Clock } from './clock.ts';

export interface PollOptions {
  readonly roots: readonly string[];
  /** Seconds between two looks, as Triton's `--repository-poll-secs`; 0: only when the file system tells of changes. */
  readonly seconds: number;
  /** Brings the models in line with the folders. */
  readonly refresh: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Follows repositories: looks at them every so often, which works on any file system, and as soon as the file system
 * tells of a change, where it does. Looks never overlap.
 */
export class Poll {
  readonly #options: PollOptions;
  #looking: Promise<void> | undefined;
  /** Something changed while a look was under way. */
  #again = false;
  #stopTimer: (() => void) | undefined;
  #stopped = false;
  readonly #watches: Promise<(() => Promise<void>) | undefined>[] = [];

  constructor(options: PollOptions) {
    this.#options = options;
  }

  start(): void {
    this.#wait();
    for (const root of this.#options.roots) this.#watches.push(this.#watch(root));
  }

  /** Looks now; of several calls during a look one more look comes of it. Resolves when everything is in line. */
  look(): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopTimer?.();
    for (const close of await Promise.all(this.#watches)) await close?.();
  }

  async #look(): Promise<void> {
    do {
      this.#again = false;
      try {
        if (!this.#stopped) await this.#options.refresh();
      } catch (thrown) {
        this.#options.logger.error({ reason: toConchError(thrown).toString() }, 'the model repository cannot be read');
      }
    } while (this.#again);
  }

  #wait(): void {
    const { clock, seconds } = this.#options;
    if (seconds <= 0) return;
    this.#stopTimer = clock.after(seconds * 1000, () => {
      void this.look().then(() => {
        if (!this.#stopped) this.#wait();
      });
    });
  }

  async #watch(root: string): Promise<(() => Promise<void>) | undefined> {
    const { logger } = this.#options;
    try {
      return await watchModels(root, {
        onChange: () => void this.look(),
        onError: (error) => logger.warn({ err: error, root }, 'changes are noticed only by polling'),
      });
    } catch (error) {
      logger.warn({ err: error, root }, 'changes are noticed only by polling');
      return undefined;
    }
  }
}
