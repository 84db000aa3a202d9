#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `conch needs Node.js 22.18 or newer, this is ${process.version}. Install a newer one, or: npx -p node@24 -p conch-triton conch\n`,
  );
  process.exit(2);
}
// A reader that has seen enough (`conch check | head`) closes the pipe: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
const { run } = await import('./cli/index.ts');
process.exitCode = await run(process.argv.slice(2));
