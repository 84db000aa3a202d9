import type { ModelInput } from '../../config/index.ts';
import { datatypes } from '../../tensor/index.ts';
import type { TorchScriptArgument, TorchScriptSummary } from '../torchscript/archive.ts';
import { typeArguments } from '../torchscript/signature.ts';
import type { Draft } from './draft.ts';

/**
 * Fills a draft with what a TorchScript archive tells: the arguments of `forward` by name, the number of its results,
 * and for a traced model types and shapes of the inputs it was traced with. The rest becomes gaps. How Triton names and
 * feeds them: pytorch_backend, `GetNamingConvention` and `ReadOutputTensors`.
 */
export function inferFromTorchScript(
  draft: Draft,
  { arguments: args, returns }: TorchScriptSummary,
  file: string,
): void {
  const signature = `forward(${args.map(({ name, type }) => `${name}: ${type}`).join(', ')}) -> ${returns}`;
  draft.notes.push(`${file} declares ${signature}`);
  if (draft.config.max_batch_size === undefined) {
    draft.set('max_batch_size', 0, 'file', `${file} does not tell whether the first dimension is a batch`);
    draft.open(
      'max_batch_size',
      `the largest batch, if every first dimension is one (then leave it out of dims); ${file} does not tell`,
    );
  }
  if (draft.lacks('input')) inferInputs(draft, args, file);
  if (draft.lacks('output')) inferOutputs(draft, returns, file);
}

function inferInputs(draft: Draft, args: readonly TorchScriptArgument[], file: string): void {
  const inputs: ModelInput[] = [];
  for (const argument of args) {
    const { name, type } = argument;
    const path = `input[${inputs.length}]`;
    if (type === 'Tensor' || type === 'Optional[Tensor]') inputs.push(inferTensor(draft, path, argument, file));
    else if (type === 'List[str]') inputs.push({ name, data_type: 'TYPE_STRING', dims: [-1] });
    else if (type === 'Dict[str, Tensor]')
      draft.open('input', `one input for each key of ${name}, a ${type}; ${file} does not tell them`);
    else
      draft.open(
        'input',
        `a tensor in place of ${name}, which is ${article(type)} that Triton cannot feed: export the model anew`,
      );
  }
  draft.fill('input', inputs, `the arguments of forward in ${file}`);
}

function inferTensor(draft: Draft, path: string, { name, example }: TorchScriptArgument, file: string): ModelInput {
  if (example === undefined) {
    draft.open(path, `data_type and dims of ${name}, which ${file} does not tell`);
    return { name };
  }
  const { datatype, shape } = example;
  const data_type = datatypes[datatype].config;
  if (shape.length === 0) {
    draft.open(
      `${path}.dims`,
      `dims of ${name}: it was traced with a scalar, which Triton cannot feed; export it with a dimension`,
    );
    return { name, data_type };
  }
  draft.open(`${path}.dims`, `-1 where ${name} may vary from [${shape.join(', ')}], the shape it was traced with`);
  return { name, data_type, dims: [...shape] };
}

/** Triton takes a tensor, a list of strings, or a tuple of these; any name that ends in `__<index>` stands for one. */
function inferOutputs(draft: Draft, returns: string, file: string): void {
  const types = typeArguments(returns, 'Tuple') ?? [returns];
  const odd = types.find((type) => type !== 'Tensor' && type !== 'List[str]');
  if (odd !== undefined) {
    const wanted = 'a Tensor, a List[str] or a Tuple of these';
    draft.open('output', `the outputs, once forward returns ${wanted}: Triton does not take ${odd}`);
    return;
  }
  const outputs = types.map((type, index) => {
    const name = `OUTPUT__${index}`;
    if (type === 'List[str]') return { name, data_type: 'TYPE_STRING' as const, dims: [-1] };
    draft.open(`output[${index}]`, `data_type and dims of result ${index}, which ${file} does not tell`);
    return { name };
  });
  draft.fill('output', outputs, `what forward in ${file} returns, named by Triton's convention`);
}

function article(type: string): string {
  return `${/^[aeiou]/i.test(type) ? 'an' : 'a'} ${type}`;
}
