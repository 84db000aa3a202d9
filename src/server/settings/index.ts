export { LogSettings, type LogSettingValues } from './log-settings.ts';
export {
  defaultTraceSetting,
  readLevels,
  type TraceChanges,
  type TraceLevel,
  type TraceSetting,
  TraceSettings,
} from './trace-settings.ts';
