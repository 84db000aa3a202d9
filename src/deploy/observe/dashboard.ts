import type { DeployPlan } from '../plan.ts';
import { type Panel, panelRows } from './panels.ts';

/** Identifiers by which Grafana's provisioning refers to each other. */
export const datasourceUid = 'conch-prometheus';
const width = 8;
const height = 8;

/** Grafana's dashboard as JSON, schema version 39 (Grafana 10 and later read it). The same plan gives the same text. */
export function dashboardJson({ name, gpu }: Pick<DeployPlan, 'name' | 'gpu'>): string {
  const rows = panelRows.filter((row) => row.gpu !== true || gpu);
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    const gridPos = { x: 0, y, w: 24, h: 1 };
    panels.push({ id: panels.length + 1, type: 'row', title: row.title, collapsed: false, gridPos, panels: [] });
    y += 1;
    for (const [index, panel] of row.panels.entries()) {
      const at = { x: (index % 3) * width, y: y + Math.floor(index / 3) * height, w: width, h: height };
      panels.push(timeSeries(panel, panels.length + 1, at));
    }
    y += Math.ceil(row.panels.length / 3) * height;
  }
  const dashboard = {
    uid: `conch-${name}`,
    title: `${name}: serving`,
    tags: ['conch', 'triton'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-30m', to: 'now' },
    templating: { list: [modelVariable] },
    annotations: { list: [] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

const datasource = { type: 'prometheus', uid: datasourceUid };

const modelVariable = {
  name: 'model',
  label: 'Model',
  type: 'query',
  datasource,
  query: { query: 'label_values(nv_inference_count, model)', refId: 'model' },
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { selected: true, text: ['All'], value: ['$__all'] },
};

function timeSeries({ title, unit, description, queries }: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: 'timeseries',
    title,
    description,
    datasource,
    gridPos,
    fieldConfig: {
      defaults: { unit, min: 0, custom: { lineWidth: 1, fillOpacity: 10, showPoints: 'never' } },
      overrides: [],
    },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat: legend,
      range: true,
    })),
  };
}
