/**
 * Triton's model configuration as data: the one table that conch owns. The TypeScript types (`generated.ts`), the text
 * and JSON readers and printers, and the checks all follow from it. Field numbers, types and meanings are facts of
 * package `inference`, file model_config; the sentences are ours.
 */

export type ScalarType = 'string' | 'bool' | 'int32' | 'int64' | 'uint32' | 'uint64' | 'float' | 'double';

export interface FieldSpec {
  readonly number: number;
  /** Triton's own name, as config.pbtxt spells it. */
  readonly name: string;
  /** A scalar type, or the full name of a message or enum in this table. */
  readonly type: string;
  /** `repeated` is a list, `map` an object keyed by `key`; without a label the field is singular. */
  readonly label?: 'repeated' | 'map';
  readonly key?: 'string' | 'uint64';
  /** Fields of one message that share this name exclude one another. */
  readonly oneof?: string;
  /** Declared `optional`: presence is known even when the value is zero. */
  readonly optional?: true;
  /**
   * First release of Triton that knows it, where that is not the oldest one among the targets. Source: the descriptors
   * in PyPI's tritonclient of every release.
   */
  readonly since?: string;
  readonly doc: string;
}

/** Messages and enumerations of one package by their names in it, e.g. `ModelSequenceBatching.Control`. */
export interface SchemaTable {
  readonly messages: { readonly [name: string]: readonly FieldSpec[] };
  readonly enums: { readonly [name: string]: { readonly [value: string]: number } };
}

/** Messages and their fields, in the order in which a config is written and read by people. */
export const messages: { readonly [name: string]: readonly FieldSpec[] } = {
  ModelConfig: [
    {
      number: 1,
      name: 'name',
      type: 'string',
      doc: 'Model name; blank is filled from the directory, otherwise must equal it.',
    },
    {
      number: 2,
      name: 'platform',
      type: 'string',
      doc: 'Older type name, e.g. onnxruntime_onnx, tensorrt_plan, pytorch_libtorch; `ensemble` for an ensemble.',
    },
    { number: 17, name: 'backend', type: 'string', doc: 'Backend name.' },
    { number: 25, name: 'runtime', type: 'string', doc: 'Backend library file name override.' },
    { number: 3, name: 'version_policy', type: 'ModelVersionPolicy', doc: 'Absent becomes latest {1}.' },
    {
      number: 4,
      name: 'max_batch_size',
      type: 'int32',
      doc: '0 = no batch dim anywhere; > 0 = a leading batch dim is implied on every input and output.',
    },
    { number: 5, name: 'input', type: 'ModelInput', label: 'repeated', doc: 'Inputs.' },
    { number: 6, name: 'output', type: 'ModelOutput', label: 'repeated', doc: 'Outputs.' },
    {
      number: 20,
      name: 'batch_input',
      type: 'BatchInput',
      label: 'repeated',
      doc: 'Backend-generated per-batch inputs.',
    },
    {
      number: 21,
      name: 'batch_output',
      type: 'BatchOutput',
      label: 'repeated',
      doc: 'Outputs needing per-batch handling.',
    },
    { number: 12, name: 'optimization', type: 'ModelOptimizationPolicy', doc: 'Tuning.' },
    {
      number: 11,
      name: 'dynamic_batching',
      type: 'ModelDynamicBatching',
      oneof: 'scheduling_choice',
      doc: 'Dynamic batcher.',
    },
    {
      number: 13,
      name: 'sequence_batching',
      type: 'ModelSequenceBatching',
      oneof: 'scheduling_choice',
      doc: 'Sequence batcher.',
    },
    { number: 15, name: 'ensemble_scheduling', type: 'ModelEnsembling', oneof: 'scheduling_choice', doc: 'Ensemble.' },
    {
      number: 7,
      name: 'instance_group',
      type: 'ModelInstanceGroup',
      label: 'repeated',
      doc: 'Instances; forbidden for ensembles.',
    },
    { number: 8, name: 'default_model_filename', type: 'string', doc: 'Model file/dir name inside a version folder.' },
    {
      number: 9,
      name: 'cc_model_filenames',
      type: 'string',
      label: 'map',
      key: 'string',
      doc: 'CUDA compute capability (e.g. "8.0") to file name.',
    },
    {
      number: 10,
      name: 'metric_tags',
      type: 'string',
      label: 'map',
      key: 'string',
      doc: 'Extra metric labels, emitted as _<key>.',
    },
    { number: 14, name: 'parameters', type: 'ModelParameter', label: 'map', key: 'string', doc: 'Backend parameters.' },
    {
      number: 16,
      name: 'model_warmup',
      type: 'ModelWarmup',
      label: 'repeated',
      doc: 'Warm-up samples; forbidden for ensembles.',
    },
    { number: 18, name: 'model_operations', type: 'ModelOperations', doc: 'Custom operators.' },
    { number: 19, name: 'model_transaction_policy', type: 'ModelTransactionPolicy', doc: 'Decoupled flag.' },
    { number: 23, name: 'model_repository_agents', type: 'ModelRepositoryAgents', doc: 'Agents.' },
    { number: 24, name: 'response_cache', type: 'ModelResponseCache', doc: 'Cache opt-in.' },
    { number: 26, name: 'model_metrics', type: 'ModelMetrics', since: '24.11', doc: 'Histogram overrides.' },
  ],
  ModelInput: [
    { number: 1, name: 'name', type: 'string', doc: 'Tensor name. Required.' },
    { number: 2, name: 'data_type', type: 'DataType', doc: 'Element type. Required (INVALID rejected).' },
    { number: 3, name: 'format', type: 'ModelInput.Format', doc: 'Image layout hint; NHWC/NCHW need exactly 3 dims.' },
    {
      number: 4,
      name: 'dims',
      type: 'int64',
      label: 'repeated',
      doc: 'Client-facing shape without batch dim; -1 = variable. At least one entry.',
    },
    {
      number: 5,
      name: 'reshape',
      type: 'ModelTensorReshape',
      doc: 'Shape handed to the backend instead of dims; same element count.',
    },
    { number: 6, name: 'is_shape_tensor', type: 'bool', doc: 'TensorRT only.' },
    {
      number: 7,
      name: 'allow_ragged_batch',
      type: 'bool',
      doc: 'Requests whose shapes differ here may still share a batch.',
    },
    { number: 8, name: 'optional', type: 'bool', doc: 'Request may omit the input.' },
    { number: 9, name: 'is_non_linear_format_io', type: 'bool', since: '24.08', doc: 'TensorRT only, 3 dims.' },
  ],
  ModelOutput: [
    { number: 1, name: 'name', type: 'string', doc: 'Tensor name. Required.' },
    { number: 2, name: 'data_type', type: 'DataType', doc: 'Element type. Required.' },
    { number: 3, name: 'dims', type: 'int64', label: 'repeated', doc: 'Client-facing shape without batch dim.' },
    {
      number: 5,
      name: 'reshape',
      type: 'ModelTensorReshape',
      doc: 'Shape the backend really produces; converted to dims before replying.',
    },
    {
      number: 4,
      name: 'label_filename',
      type: 'string',
      doc: 'Text file in the model directory, one label per line, for the classification extension.',
    },
    { number: 6, name: 'is_shape_tensor', type: 'bool', doc: 'TensorRT only.' },
    { number: 7, name: 'is_non_linear_format_io', type: 'bool', since: '24.08', doc: 'TensorRT only, 3 dims.' },
  ],
  ModelTensorReshape: [
    {
      number: 1,
      name: 'shape',
      type: 'int64',
      label: 'repeated',
      doc: 'Shape the backend sees/produces, without batch dim. Empty list allowed only when batching is on.',
    },
  ],
  BatchInput: [
    { number: 1, name: 'kind', type: 'BatchInput.Kind', doc: 'How the extra tensor is computed.' },
    { number: 2, name: 'target_name', type: 'string', label: 'repeated', doc: 'Model input(s) the backend creates.' },
    { number: 3, name: 'data_type', type: 'DataType', doc: 'INT32 or FP32 only.' },
    {
      number: 4,
      name: 'source_input',
      type: 'string',
      label: 'repeated',
      doc: 'Declared input(s) it derives from; exactly one for every current kind.',
    },
  ],
  BatchOutput: [
    {
      number: 1,
      name: 'target_name',
      type: 'string',
      label: 'repeated',
      doc: 'Declared output(s) handled this way; no repeats.',
    },
    { number: 2, name: 'kind', type: 'BatchOutput.Kind', doc: 'How the output is split back.' },
    { number: 3, name: 'source_input', type: 'string', label: 'repeated', doc: 'Exactly one declared input.' },
  ],
  ModelVersionPolicy: [
    {
      number: 1,
      name: 'latest',
      type: 'ModelVersionPolicy.Latest',
      oneof: 'policy_choice',
      doc: 'Highest-numbered N.',
    },
    { number: 2, name: 'all', type: 'ModelVersionPolicy.All', oneof: 'policy_choice', doc: 'Everything present.' },
    {
      number: 3,
      name: 'specific',
      type: 'ModelVersionPolicy.Specific',
      oneof: 'policy_choice',
      doc: 'Listed ones only.',
    },
  ],
  'ModelVersionPolicy.Latest': [
    {
      number: 1,
      name: 'num_versions',
      type: 'uint32',
      doc: 'How many. Documented default 1, but a literal 0 / unset value inside an explicit latest {} selects nothing (see config-rules.md).',
    },
  ],
  'ModelVersionPolicy.All': [],
  'ModelVersionPolicy.Specific': [
    { number: 1, name: 'versions', type: 'int64', label: 'repeated', doc: 'Version numbers.' },
  ],
  ModelOptimizationPolicy: [
    { number: 1, name: 'graph', type: 'ModelOptimizationPolicy.Graph', doc: 'Framework graph optimisation level.' },
    { number: 2, name: 'priority', type: 'ModelOptimizationPolicy.ModelPriority', doc: 'TensorRT stream priority.' },
    { number: 3, name: 'cuda', type: 'ModelOptimizationPolicy.Cuda', doc: 'CUDA options.' },
    {
      number: 4,
      name: 'execution_accelerators',
      type: 'ModelOptimizationPolicy.ExecutionAccelerators',
      doc: 'Execution providers / accelerators.',
    },
    {
      number: 5,
      name: 'input_pinned_memory',
      type: 'ModelOptimizationPolicy.PinnedMemoryBuffer',
      doc: 'Pinned staging for inputs; normaliser sets enable: true when absent.',
    },
    {
      number: 6,
      name: 'output_pinned_memory',
      type: 'ModelOptimizationPolicy.PinnedMemoryBuffer',
      doc: 'Same for outputs.',
    },
    {
      number: 7,
      name: 'gather_kernel_buffer_threshold',
      type: 'uint32',
      doc: 'TensorRT: use a gather kernel from this many buffers on; 0 = never.',
    },
    {
      number: 8,
      name: 'eager_batching',
      type: 'bool',
      doc: 'TensorRT: prepare next batch while the current one runs.',
    },
  ],
  'ModelOptimizationPolicy.Graph': [
    {
      number: 1,
      name: 'level',
      type: 'int32',
      doc: '0 framework default. ORT backend: -1 basic, 1 extended, 2 all off, anything else = all on.',
    },
  ],
  'ModelOptimizationPolicy.Cuda': [
    { number: 1, name: 'graphs', type: 'bool', doc: 'TensorRT: capture CUDA graphs.' },
    { number: 2, name: 'busy_wait_events', type: 'bool', doc: 'TensorRT: spin instead of sleeping on events.' },
    {
      number: 3,
      name: 'graph_spec',
      type: 'ModelOptimizationPolicy.Cuda.GraphSpec',
      label: 'repeated',
      doc: 'Explicit shapes to capture.',
    },
    {
      number: 4,
      name: 'output_copy_stream',
      type: 'bool',
      doc: 'TensorRT: second stream for outputs, doubles I/O buffers.',
    },
  ],
  'ModelOptimizationPolicy.Cuda.GraphSpec': [
    { number: 1, name: 'batch_size', type: 'int32', doc: '0 iff max_batch_size is 0, else 1..max.' },
    {
      number: 2,
      name: 'input',
      type: 'ModelOptimizationPolicy.Cuda.GraphSpec.Shape',
      label: 'map',
      key: 'string',
      doc: 'Input name to shape without batch.',
    },
    {
      number: 3,
      name: 'graph_lower_bound',
      type: 'ModelOptimizationPolicy.Cuda.GraphSpec.LowerBound',
      doc: 'Smallest shape the same graph may serve.',
    },
  ],
  'ModelOptimizationPolicy.Cuda.GraphSpec.Shape': [
    { number: 1, name: 'dim', type: 'int64', label: 'repeated', doc: 'Dimensions.' },
  ],
  'ModelOptimizationPolicy.Cuda.GraphSpec.LowerBound': [
    { number: 1, name: 'batch_size', type: 'int32', doc: 'As above.' },
    {
      number: 2,
      name: 'input',
      type: 'ModelOptimizationPolicy.Cuda.GraphSpec.Shape',
      label: 'map',
      key: 'string',
      doc: 'As above.',
    },
  ],
  'ModelOptimizationPolicy.ExecutionAccelerators': [
    {
      number: 1,
      name: 'gpu_execution_accelerator',
      type: 'ModelOptimizationPolicy.ExecutionAccelerators.Accelerator',
      label: 'repeated',
      doc: 'For GPU instances, highest priority first. ORT knows tensorrt and cuda.',
    },
    {
      number: 2,
      name: 'cpu_execution_accelerator',
      type: 'ModelOptimizationPolicy.ExecutionAccelerators.Accelerator',
      label: 'repeated',
      doc: 'For CPU instances. ORT knows openvino.',
    },
  ],
  'ModelOptimizationPolicy.ExecutionAccelerators.Accelerator': [
    { number: 1, name: 'name', type: 'string', doc: 'Accelerator name.' },
    { number: 2, name: 'parameters', type: 'string', label: 'map', key: 'string', doc: 'Free key/values for it.' },
  ],
  'ModelOptimizationPolicy.PinnedMemoryBuffer': [
    {
      number: 1,
      name: 'enable',
      type: 'bool',
      doc: 'Effective default true through normalisation (message present with no field set means false).',
    },
  ],
  ModelQueuePolicy: [
    { number: 1, name: 'timeout_action', type: 'ModelQueuePolicy.TimeoutAction', doc: 'What happens on expiry.' },
    { number: 2, name: 'default_timeout_microseconds', type: 'uint64', doc: 'Queue timeout; 0 = none.' },
    {
      number: 3,
      name: 'allow_timeout_override',
      type: 'bool',
      doc: 'Let a request shorten (never lengthen) the timeout.',
    },
    { number: 4, name: 'max_queue_size', type: 'uint32', doc: 'Queue capacity; 0 = unbounded.' },
  ],
  ModelDynamicBatching: [
    {
      number: 1,
      name: 'preferred_batch_size',
      type: 'int32',
      label: 'repeated',
      doc: 'Sizes to aim for; normalised to [max_batch_size] when empty and batching is on.',
    },
    {
      number: 2,
      name: 'max_queue_delay_microseconds',
      type: 'uint64',
      doc: 'Longest wait for company; 0 = do not wait.',
    },
    { number: 3, name: 'preserve_ordering', type: 'bool', doc: 'Answer in arrival order.' },
    { number: 4, name: 'priority_levels', type: 'uint64', doc: 'Number of levels, 1 = most urgent; 0 = feature off.' },
    {
      number: 5,
      name: 'default_priority_level',
      type: 'uint64',
      doc: 'Level for requests with none; must be 1..priority_levels when levels > 0.',
    },
    {
      number: 6,
      name: 'default_queue_policy',
      type: 'ModelQueuePolicy',
      doc: 'Policy when no level-specific one exists.',
    },
    {
      number: 7,
      name: 'priority_queue_policy',
      type: 'ModelQueuePolicy',
      label: 'map',
      key: 'uint64',
      doc: 'Level to policy.',
    },
  ],
  ModelSequenceBatching: [
    { number: 1, name: 'max_sequence_idle_microseconds', type: 'uint64', doc: 'Idle limit; 0 becomes 1000000.' },
    {
      number: 3,
      name: 'direct',
      type: 'ModelSequenceBatching.StrategyDirect',
      oneof: 'strategy_choice',
      doc: 'One fixed slot per sequence (used also when neither is given).',
    },
    {
      number: 4,
      name: 'oldest',
      type: 'ModelSequenceBatching.StrategyOldest',
      oneof: 'strategy_choice',
      doc: 'Dynamic batching over candidate sequences.',
    },
    {
      number: 2,
      name: 'control_input',
      type: 'ModelSequenceBatching.ControlInput',
      label: 'repeated',
      doc: 'Control tensors to inject.',
    },
    { number: 5, name: 'state', type: 'ModelSequenceBatching.State', label: 'repeated', doc: 'Implicit state pairs.' },
    {
      number: 6,
      name: 'iterative_sequence',
      type: 'bool',
      doc: 'A single request is rescheduled until the backend finishes it.',
    },
  ],
  'ModelSequenceBatching.Control': [
    { number: 1, name: 'kind', type: 'ModelSequenceBatching.Control.Kind', doc: 'Which signal.' },
    {
      number: 2,
      name: 'int32_false_true',
      type: 'int32',
      label: 'repeated',
      doc: '[false value, true value] as INT32.',
    },
    { number: 3, name: 'fp32_false_true', type: 'float', label: 'repeated', doc: 'Same as FP32.' },
    { number: 5, name: 'bool_false_true', type: 'bool', label: 'repeated', doc: 'Same as BOOL.' },
    { number: 4, name: 'data_type', type: 'DataType', doc: 'Only for CORRID: UINT64, INT64, UINT32, INT32 or STRING.' },
  ],
  'ModelSequenceBatching.ControlInput': [
    { number: 1, name: 'name', type: 'string', doc: 'Model input that carries it.' },
    {
      number: 2,
      name: 'control',
      type: 'ModelSequenceBatching.Control',
      label: 'repeated',
      doc: 'Signals on this input.',
    },
  ],
  'ModelSequenceBatching.InitialState': [
    { number: 5, name: 'name', type: 'string', doc: 'Required label.' },
    { number: 1, name: 'data_type', type: 'DataType', doc: 'Must equal the state type.' },
    { number: 2, name: 'dims', type: 'int64', label: 'repeated', doc: 'Shape without batch; no -1.' },
    { number: 3, name: 'zero_data', type: 'bool', oneof: 'state_data', doc: 'Presence (any value) = zeros.' },
    {
      number: 4,
      name: 'data_file',
      type: 'string',
      oneof: 'state_data',
      doc: 'File under initial_state/ of the model directory.',
    },
  ],
  'ModelSequenceBatching.State': [
    { number: 1, name: 'input_name', type: 'string', doc: 'Model input fed with previous state.' },
    { number: 2, name: 'output_name', type: 'string', doc: 'Model output holding new state.' },
    { number: 3, name: 'data_type', type: 'DataType', doc: 'Element type.' },
    { number: 4, name: 'dims', type: 'int64', label: 'repeated', doc: 'Shape without batch.' },
    {
      number: 5,
      name: 'initial_state',
      type: 'ModelSequenceBatching.InitialState',
      label: 'repeated',
      doc: '0 or 1 entries.',
    },
    { number: 6, name: 'use_same_buffer_for_input_output', type: 'bool', doc: 'One shared buffer.' },
    {
      number: 7,
      name: 'use_growable_memory',
      type: 'bool',
      doc: 'CUDA-only growth; needs the shared buffer and GPU instances.',
    },
  ],
  'ModelSequenceBatching.StrategyDirect': [
    {
      number: 1,
      name: 'max_queue_delay_microseconds',
      type: 'uint64',
      doc: 'Wait limit; ignored unless utilisation below is non-zero.',
    },
    {
      number: 2,
      name: 'minimum_slot_utilization',
      type: 'float',
      doc: '0..1 share of ready slots that triggers a run early.',
    },
  ],
  'ModelSequenceBatching.StrategyOldest': [
    {
      number: 1,
      name: 'max_candidate_sequences',
      type: 'int32',
      doc: 'Concurrent candidates per instance; <= 0 falls back to max(1, max_batch_size).',
    },
    { number: 2, name: 'preferred_batch_size', type: 'int32', label: 'repeated', doc: 'As for dynamic batching.' },
    { number: 3, name: 'max_queue_delay_microseconds', type: 'uint64', doc: 'As for dynamic batching.' },
    { number: 4, name: 'preserve_ordering', type: 'bool', doc: 'As for dynamic batching.' },
  ],
  ModelEnsembling: [
    {
      number: 1,
      name: 'step',
      type: 'ModelEnsembling.Step',
      label: 'repeated',
      doc: 'Steps; order is irrelevant, data flow decides.',
    },
    {
      number: 2,
      name: 'max_inflight_requests',
      type: 'uint32',
      since: '25.11',
      doc: 'Beta: per-step cap over all ensemble requests; 0 = none.',
    },
  ],
  'ModelEnsembling.Step': [
    { number: 1, name: 'model_name', type: 'string', doc: 'Composing model. Required.' },
    {
      number: 2,
      name: 'model_version',
      type: 'int64',
      doc: '-1 = newest ready. Note the proto default is 0, i.e. version 0.',
    },
    {
      number: 3,
      name: 'input_map',
      type: 'string',
      label: 'map',
      key: 'string',
      doc: 'Model input name to ensemble tensor name. Required, non-empty.',
    },
    {
      number: 4,
      name: 'output_map',
      type: 'string',
      label: 'map',
      key: 'string',
      doc: 'Model output name to ensemble tensor name. Required, non-empty.',
    },
    { number: 5, name: 'model_namespace', type: 'string', doc: 'Internal; leave unset.' },
  ],
  ModelInstanceGroup: [
    {
      number: 1,
      name: 'name',
      type: 'string',
      doc: 'Filled with <model>_<index> when blank; the auto-added group is named after the model itself. Instances are <group>_<i>.',
    },
    {
      number: 4,
      name: 'kind',
      type: 'ModelInstanceGroup.Kind',
      doc: 'Device kind; AUTO is resolved to GPU or CPU at load.',
    },
    {
      number: 2,
      name: 'count',
      type: 'int32',
      doc: 'Instances (per listed GPU, or in total on CPU/MODEL). Values < 1 are replaced by a default (1, or 2 for onnxruntime/tensorflow on CPU).',
    },
    { number: 6, name: 'rate_limiter', type: 'ModelRateLimiter', doc: 'Only used with --rate-limit=execution_count.' },
    {
      number: 3,
      name: 'gpus',
      type: 'int32',
      label: 'repeated',
      doc: 'GPU ids; empty with GPU kind = every usable GPU. Must be empty for CPU/MODEL.',
    },
    {
      number: 8,
      name: 'secondary_devices',
      type: 'ModelInstanceGroup.SecondaryDevice',
      label: 'repeated',
      doc: 'Extra accelerators (NVDLA, TensorRT only).',
    },
    {
      number: 5,
      name: 'profile',
      type: 'string',
      label: 'repeated',
      doc: 'TensorRT optimisation profile indices, written as decimal strings. Error on other platforms.',
    },
    { number: 7, name: 'passive', type: 'bool', doc: 'true: instance is created but never given scheduler work.' },
    { number: 9, name: 'host_policy', type: 'string', doc: 'Host-policy name; blank means cpu, model or gpu_<id>.' },
  ],
  'ModelInstanceGroup.SecondaryDevice': [
    { number: 1, name: 'kind', type: 'ModelInstanceGroup.SecondaryDevice.SecondaryDeviceKind', doc: 'Kind of device.' },
    { number: 2, name: 'device_id', type: 'int64', doc: 'Device number.' },
  ],
  ModelRateLimiter: [
    {
      number: 1,
      name: 'resources',
      type: 'ModelRateLimiter.Resource',
      label: 'repeated',
      doc: 'Named resources one run of the instance must hold. Empty = unconstrained.',
    },
    {
      number: 2,
      name: 'priority',
      type: 'uint32',
      doc: 'Weight; larger = fewer turns (2 gets half the turns of 1). 0 counts as 1.',
    },
  ],
  'ModelRateLimiter.Resource': [
    { number: 1, name: 'name', type: 'string', doc: 'Resource label.' },
    {
      number: 2,
      name: 'global',
      type: 'bool',
      doc: 'true: one pool for the whole server; false: one pool per device.',
    },
    { number: 3, name: 'count', type: 'uint32', doc: 'Units taken while running.' },
  ],
  ModelParameter: [{ number: 1, name: 'string_value', type: 'string', doc: 'The value, always text.' }],
  ModelWarmup: [
    { number: 1, name: 'name', type: 'string', doc: 'Sample label.' },
    {
      number: 2,
      name: 'batch_size',
      type: 'uint32',
      doc: 'Number of identical batch-1 requests sent together; 0 skips the sample.',
    },
    {
      number: 3,
      name: 'inputs',
      type: 'ModelWarmup.Input',
      label: 'map',
      key: 'string',
      doc: 'Input name to data recipe (control tensors included).',
    },
    { number: 4, name: 'count', type: 'uint32', doc: 'Repeats; 0 acts as 1.' },
  ],
  'ModelWarmup.Input': [
    { number: 1, name: 'data_type', type: 'DataType', doc: 'Element type.' },
    { number: 2, name: 'dims', type: 'int64', label: 'repeated', doc: 'Shape without batch; no -1.' },
    { number: 3, name: 'zero_data', type: 'bool', oneof: 'input_data_type', doc: 'Presence = zeros.' },
    {
      number: 4,
      name: 'random_data',
      type: 'bool',
      oneof: 'input_data_type',
      doc: 'Presence = random bytes (zeros for STRING).',
    },
    {
      number: 5,
      name: 'input_data_file',
      type: 'string',
      oneof: 'input_data_type',
      doc: 'Raw file under warmup/ of the model directory.',
    },
  ],
  ModelOperations: [
    {
      number: 1,
      name: 'op_library_filename',
      type: 'string',
      label: 'repeated',
      doc: 'Custom-op libraries (ONNX only).',
    },
  ],
  ModelTransactionPolicy: [
    { number: 1, name: 'decoupled', type: 'bool', doc: 'Zero, one or many responses per request.' },
  ],
  ModelRepositoryAgents: [
    {
      number: 1,
      name: 'agents',
      type: 'ModelRepositoryAgents.Agent',
      label: 'repeated',
      doc: 'Run in order on load/unload.',
    },
  ],
  'ModelRepositoryAgents.Agent': [
    { number: 1, name: 'name', type: 'string', doc: 'Agent name.' },
    { number: 2, name: 'parameters', type: 'string', label: 'map', key: 'string', doc: 'Settings.' },
  ],
  ModelResponseCache: [
    { number: 1, name: 'enable', type: 'bool', doc: 'Opt in to the response cache (server must also have one).' },
  ],
  ModelMetrics: [
    {
      number: 1,
      name: 'metric_control',
      type: 'ModelMetrics.MetricControl',
      label: 'repeated',
      doc: 'Per-family overrides.',
    },
  ],
  'ModelMetrics.MetricControl': [
    {
      number: 1,
      name: 'metric_identifier',
      type: 'ModelMetrics.MetricControl.MetricIdentifier',
      doc: 'Which family. Required.',
    },
    {
      number: 2,
      name: 'histogram_options',
      type: 'ModelMetrics.MetricControl.HistogramOptions',
      oneof: 'metric_options',
      doc: 'Bucket override. Required.',
    },
  ],
  'ModelMetrics.MetricControl.MetricIdentifier': [
    {
      number: 1,
      name: 'family',
      type: 'string',
      doc: 'Full metric name; only nv_inference_first_response_histogram_ms has effect, others just log a warning.',
    },
  ],
  'ModelMetrics.MetricControl.HistogramOptions': [
    { number: 1, name: 'buckets', type: 'double', label: 'repeated', doc: 'Ascending upper bounds, at least one.' },
  ],
};

/** Enumerations: value names to numbers. Enums are open: a number without a name is legal. */
export const enums: { readonly [name: string]: { readonly [value: string]: number } } = {
  DataType: {
    TYPE_INVALID: 0,
    TYPE_BOOL: 1,
    TYPE_UINT8: 2,
    TYPE_UINT16: 3,
    TYPE_UINT32: 4,
    TYPE_UINT64: 5,
    TYPE_INT8: 6,
    TYPE_INT16: 7,
    TYPE_INT32: 8,
    TYPE_INT64: 9,
    TYPE_FP16: 10,
    TYPE_FP32: 11,
    TYPE_FP64: 12,
    TYPE_STRING: 13,
    TYPE_BF16: 14,
  },
  'ModelInput.Format': { FORMAT_NONE: 0, FORMAT_NHWC: 1, FORMAT_NCHW: 2 },
  'BatchInput.Kind': {
    BATCH_ELEMENT_COUNT: 0,
    BATCH_ACCUMULATED_ELEMENT_COUNT: 1,
    BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO: 2,
    BATCH_MAX_ELEMENT_COUNT_AS_SHAPE: 3,
    BATCH_ITEM_SHAPE: 4,
    BATCH_ITEM_SHAPE_FLATTEN: 5,
  },
  'BatchOutput.Kind': { BATCH_SCATTER_WITH_INPUT_SHAPE: 0 },
  'ModelOptimizationPolicy.ModelPriority': { PRIORITY_DEFAULT: 0, PRIORITY_MAX: 1, PRIORITY_MIN: 2 },
  'ModelQueuePolicy.TimeoutAction': { REJECT: 0, DELAY: 1 },
  'ModelSequenceBatching.Control.Kind': {
    CONTROL_SEQUENCE_START: 0,
    CONTROL_SEQUENCE_READY: 1,
    CONTROL_SEQUENCE_END: 2,
    CONTROL_SEQUENCE_CORRID: 3,
  },
  'ModelInstanceGroup.Kind': { KIND_AUTO: 0, KIND_GPU: 1, KIND_CPU: 2, KIND_MODEL: 3 },
  'ModelInstanceGroup.SecondaryDevice.SecondaryDeviceKind': { KIND_NVDLA: 0 },
};
