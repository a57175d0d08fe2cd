"""The worker of the benchmark: polls the queue that it gets as its argument.

Each workflow runs two activities with a timer between them, so that it lasts for more than a second.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

SHORT = timedelta(seconds=5)
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=2))


@activity.defn
async def step(name: str) -> str:
    await asyncio.sleep(0.1)
    return name


@workflow.defn
class Journey:
    @workflow.run
    async def run(self) -> str:
        for name in ["out", "back"]:
            await workflow.execute_activity(step, name, start_to_close_timeout=SHORT, retry_policy=RETRY)
            await workflow.sleep(1)
        return "home"


async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], namespace=os.environ["TEMPORAL_NAMESPACE"])
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with Worker(
        client,
        task_queue=sys.argv[1],
        workflows=[Journey],
        activities=[step],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await end.wait()


asyncio.run(main())
