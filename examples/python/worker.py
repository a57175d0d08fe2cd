"""A worker with one workflow. Its activity fails three times, then succeeds.

Connects to TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, as `stigmer local env` prints them.
"""

import asyncio
import logging
import os
import signal
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker


class BankUnavailable(Exception):
    pass


@activity.defn
async def charge(order: str) -> str:
    attempt = activity.info().attempt
    if attempt < 4:
        raise BankUnavailable(f"the bank does not respond (attempt {attempt})")
    return f"charged {order}"


@workflow.defn
class Order:
    @workflow.run
    async def run(self, order: str) -> str:
        return await workflow.execute_activity(
            charge,
            order,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2.0),
        )


async def main() -> None:
    # With the time, `stigmer local logs` can sort the lines into those of the server.
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "info").upper(),
        format="%(asctime)s %(levelname)s %(message)s",
    )
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    # On a signal, the worker hands its activities back to the server before it ends.
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Worker(client, task_queue="orders", workflows=[Order], activities=[charge]):
        logging.info("worker started")
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
