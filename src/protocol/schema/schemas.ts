import { configEnums, configMessages, type SchemaTable } from '../../config/index.ts';
import * as health from './health.ts';
import type { Schema, ServiceTable } from './spec.ts';
import * as grpc from './table.ts';

export type SchemaName = 'model_config' | 'grpc_service' | 'health';

/** One of our tables: what it declares, with our sentences, and the file that it stands in. */
export interface OwnSchema extends SchemaTable {
  readonly name: SchemaName;
  /** protobuf package. */
  readonly package: string;
  readonly services: ServiceTable;
  /** What a release must declare to be compared with this table: a message or a service. */
  readonly anchor: { readonly message: string } | { readonly service: string };
  /** From the root of a checkout. */
  readonly file: string;
}

/** Our tables, in the order in which differences are printed. Named after Triton's own files. */
export const schemas: readonly OwnSchema[] = [
  {
    name: 'model_config',
    package: 'inference',
    anchor: { message: 'ModelConfig' },
    file: 'src/config/schema/table.ts',
    messages: configMessages,
    enums: configEnums,
    services: {},
  },
  {
    name: 'grpc_service',
    package: 'inference',
    anchor: { service: 'GRPCInferenceService' },
    file: 'src/protocol/schema/table.ts',
    ...grpc,
  },
  {
    name: 'health',
    package: 'grpc.health.v1',
    anchor: { service: 'Health' },
    file: 'src/protocol/schema/health.ts',
    ...health,
  },
];

/** A table in the form that a release is read into. */
export function schemaOf(table: SchemaTable & { readonly services: ServiceTable }): Schema {
  return {
    messages: new Map(Object.entries(table.messages)),
    enums: new Map(Object.entries(table.enums).map(([name, values]) => [name, new Map(Object.entries(values))])),
    services: new Map(Object.entries(table.services)),
  };
}
