/** An element type as PyTorch's files name it. */
export interface Elements {
  /** In safetensors' spelling, e.g. `BF16`; `C128` for the one that safetensors lacks. */
  readonly dtype: string;
  /** Bytes an element. */
  readonly size: number;
}

/** torch's dtypes by name, with the class of typed storage that old files name instead (torch, `storage.py`). */
const table: readonly (readonly [dtype: string, size: number, torch: string, storage?: string])[] = [
  ['F32', 4, 'float32', 'Float'],
  ['F16', 2, 'float16', 'Half'],
  ['BF16', 2, 'bfloat16', 'BFloat16'],
  ['F64', 8, 'float64', 'Double'],
  ['I64', 8, 'int64', 'Long'],
  ['I32', 4, 'int32', 'Int'],
  ['I16', 2, 'int16', 'Short'],
  ['I8', 1, 'int8', 'Char'],
  ['U8', 1, 'uint8', 'Byte'],
  ['BOOL', 1, 'bool', 'Bool'],
  ['C64', 8, 'complex64', 'ComplexFloat'],
  ['C128', 16, 'complex128', 'ComplexDouble'],
  ['U16', 2, 'uint16'],
  ['U32', 4, 'uint32'],
  ['U64', 8, 'uint64'],
  ['F8_E4M3', 1, 'float8_e4m3fn'],
  ['F8_E5M2', 1, 'float8_e5m2'],
  ['F8_E4M3FNUZ', 1, 'float8_e4m3fnuz'],
  ['F8_E5M2FNUZ', 1, 'float8_e5m2fnuz'],
  ['F8_E8M0', 1, 'float8_e8m0fnu'],
];

const byStorage = new Map<string, Elements>();
const byDtype = new Map<string, Elements>();
for (const [dtype, size, torch, storage] of table) {
  const elements = { dtype, size };
  byDtype.set(`torch ${torch}`, elements);
  if (storage === undefined) continue;
  byStorage.set(`torch ${storage}Storage`, elements);
  byStorage.set(`torch.cuda ${storage}Storage`, elements);
}
// Bytes without a type; the tensor over them tells its own.
byStorage.set('torch.storage UntypedStorage', { dtype: 'U8', size: 1 });
byStorage.set('torch UntypedStorage', { dtype: 'U8', size: 1 });

/** What a storage class holds, e.g. of the global `torch FloatStorage`. */
export function elementsOfStorage(global: string): Elements | undefined {
  return byStorage.get(global);
}

/** What a dtype names, e.g. the global `torch float8_e4m3fn`. */
export function elementsOfDtype(global: string): Elements | undefined {
  return byDtype.get(global);
}
