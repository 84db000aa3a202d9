import { instanceCase } from './instances.ts';
import { alone, batched, decoupled, type ServerModel } from './models.ts';
import type { World } from './world.ts';

/** Something done to a server; what it returns must be the same of both. */
export interface ServerCase {
  readonly name: string;
  readonly models: Readonly<Record<string, ServerModel>>;
  /** Loads its models itself. */
  readonly explicit?: true;
  run(world: World): Promise<unknown>;
}

const raw = (command: string) => {
  const text = Buffer.from(command);
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32LE(text.length);
  text.copy(bytes, 4);
  return bytes;
};
const grpcRequest = (command: string, model = 'm') => ({
  model_name: model,
  inputs: [{ name: 'x', datatype: 'BYTES', shape: [1, 1] }],
  raw_input_contents: [raw(command)],
});

/** Several commands of a decoupled model on one stream, the next when the one before is over. */
async function streamed(world: World, ...commands: string[]): Promise<unknown[]> {
  const said: unknown[] = [];
  for (const command of commands) {
    const stream = world.grpc.stream();
    stream.write({
      ...grpcRequest(command),
      parameters: { triton_enable_empty_final_response: { bool_param: true } },
    });
    const { code, messages } = await stream.end();
    said.push([command, code, messages.map((message) => (message.error_message ? 'error' : 'answer'))]);
  }
  return said;
}

/** What comes of requests one after the other. */
async function answers(world: World, asks: readonly (readonly [path: string, body?: unknown])[]): Promise<unknown[]> {
  const said: unknown[] = [];
  for (const [path, body] of asks) {
    const { status, body: answer } = await world.ask(path, body);
    said.push([path, body ?? null, status, answer]);
  }
  return said;
}

/** The same for calls of a gRPC method. */
async function calls(world: World, method: string, requests: readonly object[]): Promise<unknown[]> {
  const said: unknown[] = [];
  for (const request of requests) {
    const { code, messages } = await world.grpc.call(method, request);
    said.push([request, code, ...messages]);
  }
  return said;
}

export const serverCases: readonly ServerCase[] = [
  instanceCase,
  {
    name: 'statistics of a model that nobody asked',
    models: { m: alone },
    run: async (world) => [await world.statistics(), await world.metrics()],
  },
  {
    name: 'statistics after successes, failures and refusals one by one',
    models: { m: alone },
    async run(world) {
      const said = [];
      for (const command of ['ok', 'fail', 'ok', 'raise', 'ok']) said.push((await world.infer(command)).status);
      said.push((await world.ask('models/m/infer', { inputs: [] })).status);
      said.push((await world.ask('models/none/infer', { inputs: [] })).status);
      return [said, await world.settled(5), await world.metrics()];
    },
  },
  {
    name: 'statistics after a batch of successes and failures',
    models: { m: batched },
    async run(world) {
      const file = world.file('batch');
      const held = world.infer(`hold ${file}`);
      await world.begun(file);
      const commands = ['ok', 'fail', 'ok', 'fail'];
      const answers = commands.map((command) => world.infer(command));
      await world.waiting(4);
      world.release(file);
      const said = await Promise.all([held, ...answers]);
      return [said.map(({ status }) => status), await world.settled(5), await world.metrics()];
    },
  },
  {
    name: 'statistics after a batch that fails as a whole',
    models: { m: batched },
    async run(world) {
      const file = world.file('failing');
      const held = world.infer(`hold ${file}`);
      await world.begun(file);
      const answers = ['ok', 'raise', 'ok'].map((command) => world.infer(command));
      await world.waiting(3);
      world.release(file);
      const said = await Promise.all([held, ...answers]);
      return [said.map(({ status }) => status), await world.settled(4), await world.metrics()];
    },
  },
  {
    name: 'a gRPC call is cancelled while its request runs',
    models: { m: alone },
    async run(world) {
      const file = world.file('grpc');
      const call = world.callInfer(grpcRequest(`hold ${file}`));
      await world.begun(file);
      call.cancel();
      return [await call.code, await world.settled(1), await world.metrics(), (await world.infer('ok')).status];
    },
  },
  {
    name: 'a gRPC call is cancelled while its request waits',
    models: { m: batched },
    async run(world) {
      const file = world.file('waiting');
      const held = world.infer(`hold ${file}`);
      await world.begun(file);
      const call = world.callInfer(grpcRequest('ok'));
      await world.waiting(1);
      call.cancel();
      const code = await call.code;
      // Calls on the same connection come after the news of the cancel.
      for (let round = 0; round < 20; round += 1) await world.grpc.call('ServerLive', {});
      world.release(file);
      return [code, (await held).status, await world.settled(2), await world.metrics()];
    },
  },
  {
    name: 'responses of a decoupled model',
    models: { m: decoupled },
    async run(world) {
      const said = await streamed(world, 'count 3', 'none', 'last', 'part', 'count 1');
      return [said, await world.settled(5, 5), await world.metrics()];
    },
  },
  {
    name: 'a gRPC stream is cancelled while a decoupled model answers',
    models: { m: decoupled },
    async run(world) {
      const file = world.file('stream');
      const stream = world.grpc.stream();
      stream.write(grpcRequest(`hold ${file}`));
      await Promise.all([world.begun(file), stream.until(1)]);
      stream.call.cancel();
      const { code } = await stream.outcome;
      return [code, await world.settled(1, 1), await world.metrics(), await streamed(world, 'last')];
    },
  },
  {
    name: 'trace settings over HTTP',
    models: { m: alone },
    run: (world) =>
      answers(world, [
        ['trace/setting'],
        ['models/m/trace/setting'],
        ['models/m/trace/setting', { trace_level: ['TIMESTAMPS'], trace_rate: '7' }],
        ['trace/setting'],
        ['trace/setting', { trace_rate: '9', trace_count: '3', log_frequency: '2' }],
        ['models/m/trace/setting'],
        ['models/m/trace/setting', { trace_rate: null }],
        ['models/m/trace/setting', { trace_level: null }],
        ['trace/setting', { trace_level: ['TENSORS', 'TIMESTAMPS'] }],
        ['trace/setting', { trace_level: ['OFF', 'TENSORS'] }],
        ['trace/setting', { trace_level: [] }],
        ['trace/setting', { trace_level: ['NONSENSE'] }],
        ['trace/setting', { trace_level: 'TIMESTAMPS' }],
        ['trace/setting', { trace_level: [1] }],
        ['trace/setting', { trace_rate: '' }],
        ['trace/setting', { trace_count: '-1' }],
        ['trace/setting', { trace_count: '99999999999' }],
        ['trace/setting', { trace_mode: 'opentelemetry' }],
        ['trace/setting', { trace_file: null }],
        ['trace/setting', {}],
      ]),
  },
  {
    name: 'trace settings over gRPC',
    models: { m: alone },
    run: (world) =>
      calls(world, 'TraceSetting', [
        {},
        { model_name: 'm' },
        { model_name: 'm', settings: { trace_rate: { value: ['7'] }, trace_level: { value: ['TIMESTAMPS'] } } },
        {},
        { settings: { trace_rate: { value: ['9'] }, log_frequency: { value: ['2'] } } },
        { model_name: 'm' },
        { model_name: 'm', settings: { trace_rate: {} } },
        { settings: { trace_rate: { value: ['1', '2'] } } },
        { settings: { trace_rate: { value: ['x'] } } },
        { settings: { trace_count: { value: ['-2'] } } },
        { settings: { trace_level: { value: ['OFF', 'TIMESTAMPS'] } } },
        { settings: { trace_level: { value: ['TENSORS'] } } },
        { settings: { trace_file: { value: ['x'] } } },
        {},
      ]),
  },
  {
    name: 'log settings over HTTP',
    models: { m: alone },
    run: (world) =>
      answers(world, [
        [
          'logging',
          { log_info: true, log_warning: true, log_error: true, log_verbose_level: 0, log_format: 'ISO8601' },
        ],
        ['logging'],
        ['logging', { log_info: false, log_warning: false }],
        ['logging', { log_verbose_level: 2 }],
        ['logging', { log_verbose_level: 1.5 }],
        ['logging', { log_verbose_level: '1' }],
        ['logging', { log_verbose_level: -1 }],
        ['logging', { log_format: 'default' }],
        ['logging', { log_format: 1 }],
        ['logging', { log_error: 'no' }],
        ['logging', { log_file: '' }],
        ['logging', { nonsense: 1 }],
        ['logging', { log_info: true, log_warning: true, log_verbose_level: 0, log_format: 'ISO8601' }],
      ]),
  },
  {
    name: 'log settings over gRPC',
    models: { m: alone },
    run: (world) =>
      calls(world, 'LogSettings', [
        {
          settings: Object.fromEntries(
            ['info', 'warning', 'error'].map((kind) => [`log_${kind}`, { bool_param: true }]),
          ),
        },
        {},
        { settings: { log_info: { bool_param: false } } },
        { settings: { log_verbose_level: { uint32_param: 2 } } },
        { settings: { log_verbose_level: { string_param: '2' } } },
        { settings: { log_error: { uint32_param: 1 } } },
        { settings: { log_format: { string_param: 'default' } } },
        { settings: { log_format: { string_param: 'nonsense' } } },
        { settings: { log_file: { string_param: 'x' } } },
        { settings: { nonsense: { bool_param: true } } },
        {},
      ]),
  },
];
