/** One request of a script. */
export interface Ask {
  /** Names it in the answers. */
  readonly send: string;
  readonly id?: number | string;
  readonly start?: boolean;
  readonly end?: boolean;
  readonly x: number;
  /** Rows; default 1. */
  readonly rows?: number;
  readonly timeoutMicroseconds?: number;
  /** Its answer is not waited for; `collect` does that. */
  readonly later?: true;
}

export type Step =
  | Ask
  /** Sent at the same time. */
  | { readonly together: readonly Ask[] }
  | { readonly waitMs: number }
  | { readonly collect: readonly string[] };

export interface SequenceCase {
  readonly name: string;
  /** The config of model `m` without its backend, inputs and outputs. */
  readonly config: string;
  readonly maxBatchSize: number;
  /** Element type of the CORRID control, where the model has one. */
  readonly correlation?: string;
  readonly controls?: 'int32' | 'fp32' | 'bool';
  readonly steps: readonly Step[];
}

const start = (send: string, id: number | string, x: number): Ask => ({ send, id, x, start: true });
const middle = (send: string, id: number | string, x: number): Ask => ({ send, id, x });
const end = (send: string, id: number | string, x: number): Ask => ({ send, id, x, end: true });
const alone = (send: string, id: number | string, x: number): Ask => ({ send, id, x, start: true, end: true });

const whole = (id: number | string): Step[] => [
  start('first', id, 1),
  middle('middle', id, 2),
  end('last', id, 3),
  middle('after', id, 4),
  alone('alone', id, 5),
];

const errors: Step[] = [
  { send: 'no id', x: 1 },
  { send: 'id 0', id: 0, x: 1, start: true },
  { send: 'empty id', id: '', x: 1, start: true },
  middle('unknown', 99, 1),
  { send: 'two rows', id: 7, x: 1, start: true, rows: 2 },
  start('text id', 'seven', 1),
  end('text end', 'seven', 1),
  start('number', 8, 1),
  start('started again', 8, 2),
  end('number end', 8, 3),
];

const direct = 'direct {}';
const oldest = 'oldest { max_candidate_sequences: 2 }';
/** Two slots of which both must be ready, or 300 ms pass. */
const both = 'direct { max_queue_delay_microseconds: 300000 minimum_slot_utilization: 1 }';

/**
 * What is asked of a real Triton and of the embedded server; the answers must be the same. Without a CORRID of text,
 * which the Python backend of that release cannot read.
 */
export const sequenceCases: readonly SequenceCase[] = [
  ...[direct, oldest].flatMap((config): SequenceCase[] => [
    {
      name: `controls as INT32, UINT64: ${config}`,
      config,
      maxBatchSize: 4,
      controls: 'int32',
      correlation: 'UINT64',
      steps: whole(5),
    },
    {
      name: `controls as FP32, INT32: ${config}`,
      config,
      maxBatchSize: 4,
      controls: 'fp32',
      correlation: 'INT32',
      steps: whole(2 ** 32 + 9),
    },
    {
      name: `no batch dimension: ${config}`,
      config,
      maxBatchSize: 0,
      controls: 'bool',
      correlation: 'UINT32',
      steps: whole(3),
    },
    { name: `refusals: ${config}`, config, maxBatchSize: 4, steps: errors },
    {
      name: `an id of another kind than CORRID: ${config}`,
      config,
      maxBatchSize: 4,
      correlation: 'INT64',
      steps: [alone('number', 7, 1), alone('text', 'seven', 1), { send: 'none', x: 1 }],
    },
    {
      name: `idle: ${config}`,
      config: `max_sequence_idle_microseconds: 3000000 ${config}`,
      maxBatchSize: 1,
      controls: 'int32',
      steps: [
        start('a1', 1, 1),
        { waitMs: 150 },
        middle('a2', 1, 2),
        { waitMs: 7000 },
        middle('too late', 1, 3),
        alone('anew', 1, 4),
      ],
    },
  ]),
  {
    name: 'rows are slots, and empty ones are filled',
    config: both,
    maxBatchSize: 2,
    controls: 'int32',
    correlation: 'UINT64',
    steps: [
      // The first alone, so that it has slot 0.
      start('a1', 1, 1),
      { together: [middle('a2', 1, 2), start('b1', 2, 20)] },
      middle('b2', 2, 21),
      { together: [end('a3', 1, 3), end('b3', 2, 22)] },
    ],
  },
  {
    name: 'the backlog: END lets the next sequence in, with all that it has',
    config: direct,
    maxBatchSize: 1,
    controls: 'int32',
    steps: [
      start('a1', 1, 1),
      { ...start('b1', 2, 10), later: true },
      { waitMs: 100 },
      { ...end('b2', 2, 11), later: true },
      { waitMs: 100 },
      middle('a2', 1, 2),
      end('a3', 1, 3),
      { collect: ['b1', 'b2'] },
      middle('b3', 2, 12),
    ],
  },
  {
    name: 'the backlog: a timeout of one request rejects the whole sequence',
    config: `max_sequence_idle_microseconds: 5000000 ${direct}`,
    maxBatchSize: 1,
    controls: 'int32',
    steps: [
      start('a1', 1, 1),
      { ...start('b1', 2, 10), later: true },
      { waitMs: 100 },
      { ...middle('b2', 2, 11), timeoutMicroseconds: 200_000, later: true },
      { waitMs: 1500 },
      { collect: ['b1', 'b2'] },
      middle('b3', 2, 12),
      end('a2', 1, 2),
    ],
  },
  {
    name: 'the backlog: who has waited there longer than the idle limit',
    config: `max_sequence_idle_microseconds: 3000000 ${direct}`,
    maxBatchSize: 1,
    controls: 'int32',
    steps: [
      start('a1', 1, 1),
      { ...start('b1', 2, 10), later: true },
      { waitMs: 1500 },
      middle('a2', 1, 2),
      { waitMs: 1500 },
      middle('a3', 1, 2),
      { waitMs: 1500 },
      end('a4', 1, 3),
      { collect: ['b1'] },
      { waitMs: 1000 },
      middle('b2', 2, 11),
    ],
  },
];
