/**
 * How long work reports itself. Libraries call it; the command line draws it on standard error; tests pass
 * `silentProgress`. Tasks may run at the same time and may be nested by title only ("finbert-model: weights").
 */
export interface Progress {
  start(title: string): ProgressTask;
}

export interface ProgressTask {
  /** `fraction` in 0..1, or undefined where the total is not known; `detail` such as "12 of 48 MB". */
  update(fraction: number | undefined, detail?: string): void;
  /** Ends the task well; `detail` replaces the last one, e.g. "unchanged" or "4.9 MB". */
  done(detail?: string): void;
  fail(detail?: string): void;
}

const silentTask: ProgressTask = { update() {}, done() {}, fail() {} };

export const silentProgress: Progress = { start: () => silentTask };

/** Runs `work` as a task: done when it resolves, failed when it throws. */
export async function track<T>(
  progress: Progress,
  title: string,
  work: (task: ProgressTask) => Promise<T>,
  describe?: (result: T) => string,
): Promise<T> {
  const task = progress.start(title);
  try {
    const result = await work(task);
    task.done(describe?.(result));
    return result;
  } catch (error) {
    task.fail();
    throw error;
  }
}
