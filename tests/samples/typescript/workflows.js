const { proxyActivities, sleep, workflowInfo } = require('@temporalio/workflow');

const { callBank, ship } = proxyActivities({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 1, maximumAttempts: 50 },
});

exports.Refund = (order) => callBank(order);

exports.Shipment = (order) => ship(order);

// The worker has no activity with this name.
const { sendInvoice } = proxyActivities({ startToCloseTimeout: '10s', retry: { initialInterval: '1s' } });
exports.Invoice = () => sendInvoice();

exports.Bug = async (order) => order.lines[0].sku;

// The code of a replay differs from the code of the first run, as after a change of the code.
exports.Drift = async () => {
  await (workflowInfo().unsafe.isReplaying ? sleep('1h') : ship('good'));
};
