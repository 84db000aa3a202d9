import { cpus, freemem, totalmem } from 'node:os';

export interface MachineUse {
  /** Busy share of all processors since the last reading, 0 to 1. */
  readonly utilization: number;
  readonly memoryTotal: number;
  readonly memoryUsed: number;
}

/** Watches the machine from one scrape to the next; nothing runs in between. */
export class MachineWatch {
  private last = processorTimes();
  private readAt = Date.now();
  private utilization = 0;
  private readonly intervalMs: number;

  /** Readings are at least this far apart, as Triton's polls are; in between the last one stands. */
  constructor(intervalMs = 2000) {
    this.intervalMs = intervalMs;
  }

  read(): MachineUse {
    if (Date.now() - this.readAt >= this.intervalMs) {
      const now = processorTimes();
      const total = now.total - this.last.total;
      this.utilization = total > 0 ? 1 - (now.idle - this.last.idle) / total : 0;
      this.last = now;
      this.readAt = Date.now();
    }
    const memoryTotal = totalmem();
    return { utilization: this.utilization, memoryTotal, memoryUsed: memoryTotal - freemem() };
  }
}

function processorTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, total };
}
