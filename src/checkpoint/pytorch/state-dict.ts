import { type Elements, elementsOfDtype, elementsOfStorage, isPickled, type Pickled } from '../../pytorch/index.ts';
import { elementCount } from '../../tensor/index.ts';
import { isCount, storageReference, type TorchArchive } from './archive.ts';
import { invalid, unsupported } from './refusal.ts';

/** A tensor as PyTorch keeps it: a window on a storage. */
export interface TensorView {
  readonly name: string;
  readonly elements: Elements;
  readonly shape: readonly number[];
  /** Elements from one index of a dimension to the next; 0 where a dimension repeats one. */
  readonly strides: readonly number[];
  /** Byte in the file at which the first element stands. */
  readonly offset: number;
  /** Bytes from the first element to behind the last one in the file. */
  readonly span: number;
}

/** A tensor that repeats its elements may be larger than the file, but not by any amount. */
const largestRepeated = 1 << 30;
const deepestWrapping = 8;
const highestRank = 64;

/**
 * The tensors of a pickled state dict by name. Entries that are no tensors (numbers, texts) are left out. Throws
 * CHECKPOINT_INVALID, or CHECKPOINT_UNSUPPORTED for what is no state dict.
 */
export function tensorsOf(path: string, archive: TorchArchive): TensorView[] {
  const entries = entriesOf(archive.value);
  if (entries === undefined) {
    throw unsupported(path, `it holds ${kindOf(archive.value)} where a state dict was expected`);
  }
  const views: TensorView[] = [];
  for (const [name, value] of entries) {
    if (typeof name !== 'string') throw invalid(path, `a key of the state dict is ${kindOf(name)}, expected a name`);
    const call = rebuildOf(value);
    if (call) views.push(viewOf(path, name, call, archive));
    else if (entriesOf(value)?.some(([, inner]) => rebuildOf(inner))) {
      throw unsupported(
        path,
        `its entry '${name}' holds tensors in turn, as a training checkpoint has; expected a state dict`,
        name,
        `save the weights alone in Python: torch.save(torch.load(file)['${name}'], 'pytorch_model.bin')`,
      );
    }
  }
  if (views.length === 0) throw invalid(path, 'the state dict has no tensors');
  return views;
}

type Entry = readonly [Pickled, Pickled];

/** The entries of a dict or OrderedDict; Python 2 hands the latter a list of pairs. */
function entriesOf(value: Pickled): readonly Entry[] | undefined {
  if (value instanceof Map) return [...value];
  if (!isPickled(value, 'call') || !isGlobal(value.callee, 'collections OrderedDict')) return undefined;
  const pairs = isPickled(value.args, 'tuple') ? value.args.items[0] : undefined;
  const listed = Array.isArray(pairs) ? pairs.map((pair) => (isPickled(pair, 'tuple') ? pair.items : pair)) : [];
  const entries = listed.filter((pair): pair is Entry & Pickled[] => Array.isArray(pair) && pair.length === 2);
  return [...entries, ...(value.entries ?? [])];
}

interface Rebuild {
  readonly callee: string;
  readonly args: readonly Pickled[];
}

/** The call that rebuilds a plain tensor, out of those that wrap it as a parameter or with attributes. */
function rebuildOf(value: Pickled): Rebuild | undefined {
  let at: Pickled | undefined = value;
  for (let depth = 0; depth < deepestWrapping; depth++) {
    if (!isPickled(at, 'call') || !isPickled(at.callee, 'global') || !isPickled(at.args, 'tuple')) return undefined;
    const items: readonly Pickled[] = at.args.items;
    switch (at.callee.name) {
      case 'torch._utils _rebuild_parameter':
      case 'torch._utils _rebuild_parameter_with_state':
        at = items[0];
        break;
      case 'torch._tensor _rebuild_from_type_v2':
        at = { kind: 'call', callee: items[0] ?? null, args: items[2] ?? null };
        break;
      case 'torch._utils _rebuild_tensor':
      case 'torch._utils _rebuild_tensor_v2':
      case 'torch._utils _rebuild_tensor_v3':
        return { callee: at.callee.name, args: items };
      default:
        return undefined;
    }
  }
  return undefined;
}

function viewOf(path: string, name: string, { callee, args }: Rebuild, archive: TorchArchive): TensorView {
  const fail = (problem: string): never => {
    throw invalid(path, `tensor '${name}': ${problem}`, name);
  };
  const [pickledStorage, first, size, stride, , , sixth, seventh] = args;
  const reference = isPickled(pickledStorage, 'persistent') ? storageReference(pickledStorage.id) : undefined;
  const stored = reference && elementsOfStorage(reference.type);
  if (!reference || !stored) return fail('it has no storage that is known');
  const isThird = callee.endsWith('v3');
  const elements = isThird ? isPickled(sixth, 'global') && elementsOfDtype(sixth.name) : stored;
  if (!elements) return fail('its dtype is not known');
  if (hasFlags(isThird ? seventh : sixth)) {
    throw unsupported(path, `tensor '${name}' is a negated or conjugated view; its values stand nowhere`, name);
  }
  const [shape, strides] = [sizesOf(size), sizesOf(stride)];
  if (!isCount(first) || !shape || !strides || shape.length !== strides.length || shape.length > highestRank) {
    return fail('its offset, size and stride must be integers from 0 on, as many sizes as strides');
  }
  const count = elementCount(shape);
  const bytes = count * elements.size;
  if (!Number.isSafeInteger(bytes)) return fail(`shape [${shape}] has too many elements`);
  const region = archive.storages.get(reference.key);
  const available = reference.elements * stored.size;
  if (!region || available > region.size) {
    return fail(`storage '${reference.key}' of ${available} bytes has ${region?.size ?? 0} in the file`);
  }
  const reach = shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, 1);
  const span = count === 0 ? 0 : reach * elements.size;
  const start = reference.from * stored.size + first * elements.size;
  if (!Number.isSafeInteger(start + span) || start + span > (reference.from > 0 ? region.size : available)) {
    return fail(
      `shape [${shape}] with strides [${strides}] from element ${first} on leaves its storage of ${available} bytes`,
    );
  }
  if (bytes > span && bytes > largestRepeated) {
    throw unsupported(path, `tensor '${name}' repeats ${span} bytes up to ${bytes}`, name);
  }
  return { name, elements, shape, strides, offset: region.offset + start, span };
}

/** Flags that torch keeps beside a view, `conj` and `neg`, where one is set. */
function hasFlags(metadata: Pickled | undefined): boolean {
  return metadata instanceof Map && [...metadata.values()].some((flag) => flag === true);
}

function sizesOf(value: Pickled | undefined): number[] | undefined {
  let items = value;
  if (isPickled(items, 'call') && isGlobal(items.callee, 'torch Size') && isPickled(items.args, 'tuple')) {
    items = items.args.items[0];
  }
  return isPickled(items, 'tuple') && items.items.every(isCount) ? (items.items as number[]) : undefined;
}

function isGlobal(value: Pickled, name: string): boolean {
  return isPickled(value, 'global') && value.name === name;
}

/** For messages; never a value itself, which may be endless. */
function kindOf(value: Pickled): string {
  if (rebuildOf(value)) return 'a tensor';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Map) return 'a dictionary';
  if (typeof value === 'object' && value !== null && 'kind' in value) return `a ${value.kind}`;
  return value === null ? 'None' : `a ${typeof value}`;
}
