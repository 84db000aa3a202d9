import { existsSync, readFileSync } from 'node:fs';

// node scripts/count-tests.ts <failed steps> <vitest json report>...: prints `N passed, N failed, N skipped`.
const [failedSteps = '0', ...reports] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const path of reports.filter((report) => existsSync(report))) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot even be imported fails without a test.
  total.failed += report.testResults.filter(
    (file: { status: string; assertionResults: unknown[] }) =>
      file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
}
// A step that failed without a failed test (lint, types, packaging) still counts.
if (Number(failedSteps) > 0 && total.failed === 0) total.failed = Number(failedSteps);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
