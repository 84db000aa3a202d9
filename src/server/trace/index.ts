export { type SampledTrace, Tracer } from './tracer.ts';
