export { BodyBudget } from './budget.ts';
export type { Call } from './call.ts';
export { Connection, type Host } from './connection.ts';
export { headerLines } from './response-head.ts';
