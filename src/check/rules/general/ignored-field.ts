import type { ModelRule } from '../../rule.ts';

export const ignoredField: ModelRule = {
  code: 'general/ignored-field',
  severity: 'warning',
  summary: 'Fields that only one backend reads are not set for another.',
  why: 'Triton accepts the field and nobody reads it: `cc_model_filenames` and `optimization.cuda` are for TensorRT, `model_operations` for ONNX Runtime, `secondary_devices` for TensorRT, and `default_model_filename` means nothing to an ensemble.',
  fix: 'Remove the field, or set the backend that reads it.',
  *check(model) {
    const { backend, written, isEnsemble } = model;
    if (backend === '' && !isEnsemble) return;
    const ignore = (path: string, reader: string) => ({
      path,
      message: `${path} is read by ${reader} only, and ${isEnsemble ? 'this is an ensemble' : `the backend is '${backend}'`}`,
    });
    if (backend !== 'tensorrt' && Object.keys(written.cc_model_filenames ?? {}).length > 0) {
      yield ignore('cc_model_filenames', 'tensorrt');
    }
    if (backend !== 'tensorrt' && backend !== 'onnxruntime' && written.optimization?.cuda !== undefined) {
      yield ignore('optimization.cuda', 'tensorrt');
    }
    if (backend !== 'onnxruntime' && backend !== 'tensorflow' && written.model_operations !== undefined) {
      yield ignore('model_operations', 'onnxruntime');
    }
    if (isEnsemble && written.default_model_filename) yield ignore('default_model_filename', 'backends');
    for (const [index, group] of (written.instance_group ?? []).entries()) {
      if (backend === 'tensorrt' || (group.secondary_devices ?? []).length === 0) continue;
      yield ignore(`instance_group[${index}].secondary_devices`, 'tensorrt');
    }
  },
};
