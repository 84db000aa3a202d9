import { ConchError } from '../../base/index.ts';
import type { ProxyOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { address, port } from '../values.ts';

/** Flags of `proxy` for watching it. */
export const observationOptions: readonly Option[] = [
  {
    flags: '--metrics-port <port>',
    summary:
      'a port of its own for Prometheus metrics (default: the route /metrics, for admin keys where there are keys)',
    parse: port,
  },
  {
    flags: '--otlp-endpoint <url>',
    summary: 'send traces to this OpenTelemetry collector (default: OTEL_EXPORTER_OTLP_ENDPOINT; without one, none)',
    parse: address,
  },
  {
    flags: '--trace-share <share>',
    summary: 'share of the requests, from 0 to 1, that begin a trace where the client has none (default: 1)',
    parse: share,
  },
  { flags: '--log-payloads', summary: 'write what requests and answers hold to the log: texts of users end up there' },
];

export function observationFrom(options: CommandInput['options'], environment = process.env): Partial<ProxyOptions> {
  const endpoint = (options.otlpEndpoint as string | undefined) ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  const { OTEL_EXPORTER_OTLP_HEADERS: headers, OTEL_SERVICE_NAME: serviceName } = environment;
  return {
    ...(options.metricsPort !== undefined && { metricsPort: options.metricsPort as number }),
    ...(options.logPayloads === true && { logPayloads: true }),
    ...(endpoint && {
      tracing: {
        endpoint: address(endpoint, '--otlp-endpoint'),
        ...(headers && { headers: headersOf(headers) }),
        ...(serviceName && { serviceName }),
        ...(options.traceShare !== undefined && { share: options.traceShare as number }),
      },
    }),
  };
}

/** `name=value,name=value`, with percent encoding, as OpenTelemetry has it. */
function headersOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      return at > 0 ? [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]] : [];
    }),
  );
}

function share(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new ConchError('USAGE', `${flag}: expected a share from 0 to 1, got '${text}'`);
  }
  return value;
}
