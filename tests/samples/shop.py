"""A worker of a project: its server comes from the environment, as stigmer sets it.

Usage: shop.py QUEUE [MODE]

SIGINT and SIGUSR2 end the worker. The first attempt to pack the order `slow` takes an hour.

Modes:
- `graceful` (the default)
- `idle`: after SIGUSR2, the process does not poll, has no connection, and stays
- `waits`: starts to poll when the file `go` is in the working directory
- `stubborn`: ignores SIGINT and SIGTERM, has a child in a session of its own that does the same, closes
  its descriptors, and floods its output
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE, MODE = (sys.argv[1:] + ["graceful"])[:2]


@activity.defn
async def pack(order: str) -> str:
    if order == "slow" and activity.info().attempt == 1:
        print("packs slowly")
        await asyncio.sleep(3600)
    return f"packed {order}"


@workflow.defn
class Order:
    def __init__(self) -> None:
        self.paid = False

    @workflow.signal
    def pay(self) -> None:
        self.paid = True

    @workflow.run
    async def run(self, order: str) -> str:
        await workflow.wait_condition(lambda: self.paid)
        # Longer than any test: only a worker that hands its activity back lets the workflow complete.
        return await workflow.execute_activity(
            pack, order, start_to_close_timeout=timedelta(hours=1)
        )


def misbehave() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(3, 64)
    # Ignored signals stay ignored in the child.
    subprocess.Popen(["sleep", "1000"], start_new_session=True)


def flood() -> None:
    while True:
        sys.stdout.write(("a line of a flood " + "~" * 180 + "\n") * 1000)
        time.sleep(0.05)


async def work() -> None:
    client = await Client.connect(
        os.environ["TEMPORAL_ADDRESS"], namespace=os.environ["TEMPORAL_NAMESPACE"]
    )
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Order],
        activities=[pack],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    leave = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, leave.set)
    async with worker:
        print("starts to poll")
        if MODE == "stubborn":
            threading.Thread(target=flood, daemon=True).start()
        await leave.wait()


async def main() -> None:
    while MODE == "waits" and not os.path.exists("go"):
        await asyncio.sleep(0.01)
    await work()
    if MODE == "idle":
        # A client closes its connection when it is deleted.
        gc.collect()
        await asyncio.Event().wait()


if MODE == "stubborn":
    misbehave()
asyncio.run(main())
sys.stdout.flush()
# The SDK has threads of its own, which may abort the interpreter at its end.
os._exit(0)
