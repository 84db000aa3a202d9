import { datatypeFromOnnx } from '../tensor/index.ts';
import { fields } from './fields.ts';
import type { ProtoReader } from './proto-reader.ts';
import type { OnnxTensorInfo } from './summary.ts';

export function readValueInfo(reader: ProtoReader, end: number): OnnxTensorInfo {
  let info: OnnxTensorInfo = { name: '', datatype: undefined, onnxType: 0, shape: undefined };
  while (reader.next(end)) {
    if (reader.field === fields.valueInfo.name) info = { ...info, name: reader.text(end, 'the name of a value') };
    else if (reader.field === fields.valueInfo.type)
      info = { ...info, ...readType(reader, reader.message(end, 'a type')) };
    else reader.skip(end, `field ${reader.field} of a value`);
  }
  return info;
}

function readType(reader: ProtoReader, end: number): Omit<OnnxTensorInfo, 'name'> {
  let onnxType = 0;
  let shape: OnnxTensorInfo['shape'];
  while (reader.next(end)) {
    if (reader.field !== fields.type.tensor) {
      reader.skip(end, `field ${reader.field} of a type`);
      continue;
    }
    const stop = reader.message(end, 'a tensor type');
    while (reader.next(stop)) {
      if (reader.field === fields.tensorType.elementType) onnxType = reader.integer(stop, 'elem_type');
      else if (reader.field === fields.tensorType.shape) shape = readShape(reader, reader.message(stop, 'a shape'));
      else reader.skip(stop, `field ${reader.field} of a tensor type`);
    }
  }
  return { onnxType, datatype: datatypeFromOnnx(onnxType)?.name, shape };
}

function readShape(reader: ProtoReader, end: number): (number | string | undefined)[] {
  const shape: (number | string | undefined)[] = [];
  while (reader.next(end)) {
    if (reader.field !== fields.shape.dimension) {
      reader.skip(end, `field ${reader.field} of a shape`);
      continue;
    }
    const stop = reader.message(end, 'a dimension');
    let dimension: number | string | undefined;
    while (reader.next(stop)) {
      if (reader.field === fields.dimension.value) {
        const value = reader.integer(stop, 'dim_value');
        dimension = value < 0 ? undefined : value; // some exporters write -1 for unknown
      } else if (reader.field === fields.dimension.parameter) {
        dimension = reader.text(stop, 'dim_param') || undefined;
      } else reader.skip(stop, `field ${reader.field} of a dimension`);
    }
    shape.push(dimension);
  }
  return shape;
}

export function readOperatorSet(reader: ProtoReader, end: number): { domain: string; version: number } {
  let domain = '';
  let version = 0;
  while (reader.next(end)) {
    if (reader.field === fields.operatorSet.domain) domain = reader.text(end, 'domain');
    else if (reader.field === fields.operatorSet.version) version = reader.integer(end, 'version');
    else reader.skip(end, `field ${reader.field} of an operator set`);
  }
  return { domain: domain === 'ai.onnx' ? '' : domain, version };
}
