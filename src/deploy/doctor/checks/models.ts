import { check } from '../../../check/index.ts';
import { firstSafeRelease } from '../drivers.ts';
import type { Check, Finding } from '../examination.ts';
import { gpusOf } from './gpu.ts';

/** The release against what is known of its holes. */
export const release: Check = async ({ engine, target }) => {
  const subject = 'triton release';
  if (target.release! >= firstSafeRelease) {
    return [{ subject, status: 'ok', detail: `${target.name}: server ${target.server}, CUDA ${target.cuda}` }];
  }
  return [
    {
      subject,
      status: engine === 'triton' ? 'warning' : 'absent',
      detail: `${target.name} has the holes of CVE-2025-23319, 23320 and 23334: who reaches it may take it over`,
      fix: `set target to triton:${firstSafeRelease} or later`,
    },
  ];
};

/** Every TensorRT plan against the TensorRT of the target and the GPU here, by the rules of `conch check`. */
export const plans: Check = async ({ machine, repository, target, engine }) => {
  const models = (repository?.models ?? []).filter(({ parsed }) => isPlan(parsed?.config ?? {}));
  if (models.length === 0) return [];
  const gpus = (await gpusOf(machine)) ?? [];
  const [first] = gpus;
  const host = {
    ...(gpus.length > 0 && { gpus: gpus.map(({ index }) => index) }),
    ...(first?.computeCapability !== undefined && { computeCapability: first.computeCapability }),
  };
  const diagnostics = check(repository!, target, { host }).filter(({ code }) => code.startsWith('plan/'));
  return models.flatMap(({ name, manifest }): Finding[] => {
    const subject = `plan ${name}`;
    const found = diagnostics.filter(({ model }) => model === name);
    const version = (manifest?.tensorrt as { version?: string } | undefined)?.version;
    if (found.length === 0 && version === undefined) {
      const fix = 'build it with conch compile, which records what it was built with';
      return [{ subject, status: 'warning', detail: 'nothing tells which TensorRT it was built with', fix }];
    }
    if (found.length === 0) return [{ subject, status: 'ok', detail: `built with TensorRT ${version}` }];
    return found.map(({ severity, message }) => ({
      subject,
      status: severity === 'error' && engine === 'triton' ? 'missing' : 'warning',
      detail: message,
      fix: 'build the plan for the target, on a GPU like this: conch compile --force',
    }));
  });
};

function isPlan({ backend, platform }: { backend?: string | undefined; platform?: string | undefined }): boolean {
  return backend === 'tensorrt' || platform === 'tensorrt_plan';
}
