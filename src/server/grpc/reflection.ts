import { answerReflection } from '../../protocol/index.ts';
import type { Call, Receiver } from './call.ts';

const services = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'inference.GRPCInferenceService',
];

/** Paths of server reflection, whose versions are the same on the wire. */
export const reflectionPaths: ReadonlySet<string> = new Set([
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]);

/** What tools like grpcurl ask to list and describe the services. */
export function reflection(call: Call): Receiver {
  return {
    message(bytes) {
      try {
        call.send([answerReflection(bytes, services)]);
      } catch (error) {
        call.fail(error);
      }
    },
    halfClose: () => call.finish(),
    stopping: () => call.finish(),
  };
}
