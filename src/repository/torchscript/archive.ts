import { ConchError, toConchError } from '../../base/index.ts';
import { elementsOfStorage, isPickled, type Pickled, readPickle, ZipArchive } from '../../pytorch/index.ts';
import { type Datatype, datatypeFromSafetensors } from '../../tensor/index.ts';
import { parseForward } from './signature.ts';

/** What a TorchScript archive says about the way it is called. */
export interface TorchScriptSummary {
  /** Class of the module, e.g. `__torch__.Net`. */
  readonly module: string;
  readonly arguments: readonly TorchScriptArgument[];
  /** Type that `forward` returns, in TorchScript's spelling, e.g. `Tuple[Tensor, Tensor]`. */
  readonly returns: string;
}

export interface TorchScriptArgument {
  readonly name: string;
  /** In TorchScript's spelling: `Tensor`, `Optional[Tensor]`, `List[str]`, ... */
  readonly type: string;
  /** The input that the model was traced with; scripted models have none. */
  readonly example?: { readonly datatype: Datatype; readonly shape: readonly number[] };
}

/** Source files and pickles are read whole; these bounds lie far above what torch writes. */
const largestText = 64 * 1024 * 1024;

/**
 * Reads how a TorchScript model is called: the signature of `forward` from the source in the archive, and the shapes
 * of the inputs it was traced with. No weights are read and nothing is executed. Throws FILE_INVALID.
 */
export async function readTorchScript(path: string): Promise<TorchScriptSummary> {
  const archive = await ZipArchive.open(path);
  try {
    const root = rootOf(archive);
    const module = await moduleOf(archive, root);
    const [, ...parents] = module.split('.').reverse();
    const file = `${root}code/${parents.reverse().join('/')}.py`;
    const source = (await archive.read(file, largestText))?.toString();
    if (source === undefined) throw invalid(archive, `the source of ${module}, ${file}, is missing`);
    const signature = parseForward(source, module.slice(module.lastIndexOf('.') + 1));
    if (signature === undefined) throw invalid(archive, `${module} has no forward method`);
    const examples = await tracedInputs(archive, root);
    const fits = examples.length === signature.arguments.length;
    return {
      module,
      returns: signature.returns,
      arguments: signature.arguments.map((argument, index) => {
        const example = fits && argument.type === 'Tensor' ? examples[index] : undefined;
        return example === undefined ? argument : { ...argument, example };
      }),
    };
  } finally {
    await archive.close();
  }
}

/**
 * Why LibTorch would not load a file as TorchScript, as far as the archive's list of names tells: cut short, of another
 * format, or weights alone. Layouts of early releases, which it still loads, pass. Undefined when nothing is wrong.
 */
export async function torchScriptFault(path: string): Promise<ConchError | undefined> {
  let archive: ZipArchive | undefined;
  try {
    archive = await ZipArchive.open(path);
    if (!archive.names.some((name) => name.endsWith('/model.json'))) rootOf(archive);
    return undefined;
  } catch (error) {
    return toConchError(error, 'FILE_INVALID');
  } finally {
    await archive?.close();
  }
}

/** Everything lies in one folder, usually named like the file. */
function rootOf(archive: ZipArchive): string {
  const data = archive.names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  const root = data?.slice(0, -'data.pkl'.length);
  if (root !== undefined && archive.names.some((name) => name.startsWith(`${root}code/`))) return root;
  const what =
    data === undefined ? 'it has no data.pkl' : 'it holds weights only or a pickled module, as torch.save writes them';
  throw invalid(archive, what);
}

/** The class of the outermost object is the first name in the pickle. */
async function moduleOf(archive: ZipArchive, root: string): Promise<string> {
  const pickle = await archive.read(`${root}data.pkl`, largestText);
  // Two bytes of protocol, then the opcode of a name.
  const [, module, name] = /^..c(__torch__.*)\n(.+)\n/.exec(pickle!.toString('latin1', 0, 4096)) ?? [];
  if (module === undefined) throw invalid(archive, 'its data.pkl does not begin with a module');
  return `${module}.${name}`;
}

type Example = NonNullable<TorchScriptArgument['example']>;

/** The inputs that a traced model was made with; undefined for those that are not tensors. Empty for other models. */
async function tracedInputs(archive: ZipArchive, root: string): Promise<(Example | undefined)[]> {
  const bytes = await archive.read(`${root}traced_inputs.pkl`, largestText);
  if (bytes === undefined) return [];
  try {
    const methods = untagged(readPickle(bytes).value);
    const inputs = methods instanceof Map ? untagged(methods.get('forward') ?? null) : null;
    return Array.isArray(inputs) ? inputs.map((input) => exampleOf(untagged(input))) : [];
  } catch {
    return []; // They are of use, not of need: a format that torch changed must not stop the rest.
  }
}

/** torch wraps containers into a call that restores their type. */
function untagged(value: Pickled): Pickled {
  if (!isPickled(value, 'call') || !isPickled(value.args, 'tuple')) return value;
  return isPickled(value.callee, 'global') && value.callee.name === 'torch.jit._pickle restore_type_tag'
    ? (value.args.items[0] ?? null)
    : value;
}

function exampleOf(value: Pickled): Example | undefined {
  if (!isPickled(value, 'call') || !isPickled(value.callee, 'global') || !isPickled(value.args, 'tuple'))
    return undefined;
  if (value.callee.name !== 'torch._utils _rebuild_tensor_v2') return undefined;
  const [storage, , size] = value.args.items;
  if (!isPickled(storage, 'persistent') || !isPickled(storage.id, 'tuple') || !isPickled(size, 'tuple'))
    return undefined;
  const type = storage.id.items[1];
  const elements = isPickled(type, 'global') ? elementsOfStorage(type.name) : undefined;
  const datatype = elements && datatypeFromSafetensors(elements.dtype)?.name;
  const shape = size.items.filter((one) => typeof one === 'number');
  return datatype === undefined ? undefined : { datatype, shape };
}

function invalid(archive: ZipArchive, what: string): ConchError {
  return new ConchError('FILE_INVALID', `${archive.path} is no TorchScript model: ${what}`, {
    where: { file: archive.path },
    fix: 'save it with torch.jit.save',
  });
}
