import { ConchError, toConchError } from '../../base/index.ts';
import { ForbiddenGlobal } from '../../pytorch/index.ts';

const convert =
  'where you trust the file, convert it in Python: ' +
  'AutoModel....from_pretrained(...).save_pretrained(folder, safe_serialization=True)';

/** Long names and lists may come from a hostile file. */
const longest = 1000;

export function invalid(
  path: string,
  problem: string,
  tensor?: string,
  fix = 'download or save the file again',
): ConchError {
  return refusal('CHECKPOINT_INVALID', path, problem, tensor, fix);
}

export function unsupported(path: string, problem: string, tensor?: string, fix = convert): ConchError {
  return refusal('CHECKPOINT_UNSUPPORTED', path, problem, tensor, fix);
}

function refusal(
  code: 'CHECKPOINT_INVALID' | 'CHECKPOINT_UNSUPPORTED',
  path: string,
  problem: string,
  tensor: string | undefined,
  fix: string,
): ConchError {
  return new ConchError(code, `${path}: ${problem.slice(0, longest)}`, {
    where: { file: path, ...(tensor !== undefined && { path: tensor.slice(0, longest) }) },
    fix,
  });
}

/** What went wrong while a pickle or archive was read, as an error of the checkpoint. */
export function refusalOf(path: string, thrown: unknown): ConchError {
  if (thrown instanceof ForbiddenGlobal) {
    return unsupported(
      path,
      `to load it Python would call ${thrown.global}; only tensors are read, nothing is executed`,
    );
  }
  if (!(thrown instanceof ConchError)) return invalid(path, `its pickle cannot be read: ${(thrown as Error).message}`);
  if (thrown.code !== 'FILE_INVALID') return thrown;
  const { message, where, cause } = toConchError(thrown);
  return new ConchError('CHECKPOINT_INVALID', message.slice(0, longest), {
    ...(where && { where }),
    fix: 'download or save the file again',
    cause,
  });
}
