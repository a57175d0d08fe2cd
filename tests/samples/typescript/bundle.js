// Bundles the workflows for all starts of shop.js: this takes more time than the rest of a start.

const fs = require('node:fs');
const { bundleWorkflowCode } = require('@temporalio/worker');

async function main() {
  const { code } = await bundleWorkflowCode({ workflowsPath: require.resolve('./orders') });
  fs.writeFileSync('bundled.js', code);
}

main();
