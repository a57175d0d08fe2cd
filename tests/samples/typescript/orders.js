const { condition, defineSignal, proxyActivities, setHandler } = require('@temporalio/workflow');

// Longer than any test: only a worker that hands its activity back lets the workflow complete.
const { pack } = proxyActivities({ startToCloseTimeout: '1h' });

exports.Order = async (order) => {
  let isPaid = false;
  setHandler(defineSignal('pay'), () => void (isPaid = true));
  await condition(() => isPaid);
  return pack(order);
};
