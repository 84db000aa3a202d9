import ora from 'ora';
import pc from 'picocolors';
import { type Progress, type ProgressTask, silentProgress } from '../base/index.ts';
import type { Writer } from './output.ts';

const width = 24;

/**
 * Draws tasks on a terminal: a spinner with a bar for the newest running task, then one line for each that ended.
 * Where the stream is no terminal only the ending lines are written, so that logs stay short.
 */
export function createTerminalProgress(stream: Writer, quiet: boolean): Progress {
  if (quiet) return silentProgress;
  const terminal = stream as NodeJS.WriteStream;
  // A terminal that does not tell its width (0 columns) would have ora count lines for ever.
  return terminal.isTTY && terminal.columns > 0 ? drawn(terminal) : lines(stream);
}

function lines(stream: Writer): Progress {
  return {
    start(title) {
      const from = performance.now();
      const end = (mark: string, detail?: string) =>
        void stream.write(`${mark} ${title}${detail ? `: ${detail}` : ''} (${seconds(from)})\n`);
      return { update() {}, done: (detail) => end('ok', detail), fail: (detail) => end('FAILED', detail) };
    },
  };
}

function drawn(stream: NodeJS.WriteStream): Progress {
  const running: { text: string }[] = [];
  // discardStdin would put the terminal in raw mode and swallow Ctrl-C.
  const spinner = ora({ stream, discardStdin: false });
  const show = () => {
    const newest = running.at(-1);
    if (!newest) return;
    spinner.text = newest.text;
    if (!spinner.isSpinning) spinner.start();
  };
  return {
    start(title): ProgressTask {
      const from = performance.now();
      const task = { text: title };
      let last = '';
      running.push(task);
      show();
      const end = (symbol: string, detail = last) => {
        running.splice(running.indexOf(task), 1);
        spinner.stopAndPersist({
          symbol,
          text: `${title}${detail ? pc.dim(` ${detail}`) : ''}${pc.dim(` (${seconds(from)})`)}`,
        });
        show();
      };
      return {
        update(fraction, detail = '') {
          last = detail;
          task.text = `${title} ${fraction === undefined ? '' : bar(fraction)} ${pc.dim(detail)}`;
          show();
        },
        done: (detail) => end(pc.green('✔'), detail),
        fail: (detail) => end(pc.red('✖'), detail),
      };
    },
  };
}

function bar(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `${'█'.repeat(full)}${pc.dim('░'.repeat(width - full))} ${String(Math.floor(fraction * 100)).padStart(3)} %`;
}

function seconds(from: number): string {
  return `${((performance.now() - from) / 1000).toFixed(1)} s`;
}
