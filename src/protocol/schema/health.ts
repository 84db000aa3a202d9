/**
 * gRPC's health protocol as Triton serves it (package `grpc.health.v1`, file health): `Check` only, which reports the
 * readiness of the server. `conch protocol sync` rewrites the three constants and leaves the rest as it is.
 */
import type { FieldSpec } from '../../config/index.ts';
import type { ServiceTable } from './spec.ts';

/** Messages by name, with their fields. */
export const messages: { readonly [name: string]: readonly FieldSpec[] } = {
  HealthCheckRequest: [{ number: 1, name: 'service', type: 'string', doc: 'Ignored by Triton.' }],
  HealthCheckResponse: [
    {
      number: 1,
      name: 'status',
      type: 'HealthCheckResponse.ServingStatus',
      doc: 'SERVING when the server is ready, else NOT_SERVING.',
    },
  ],
};

/** Enumerations: value names to numbers. */
export const enums: { readonly [name: string]: { readonly [value: string]: number } } = {
  'HealthCheckResponse.ServingStatus': { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 },
};

/** Services by name, with their methods. */
export const services: ServiceTable = {
  Health: [
    {
      name: 'Check',
      request: 'HealthCheckRequest',
      response: 'HealthCheckResponse',
      doc: 'Readiness of the server, whatever service is named.',
    },
  ],
};
