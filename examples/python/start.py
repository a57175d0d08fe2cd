"""Starts a workflow and waits for its result."""

import asyncio
import os
import sys
import uuid

from temporalio.client import Client

from worker import Order


async def main() -> None:
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    handle = await client.start_workflow(
        Order.run, "o-1", id=f"order-{uuid.uuid4().hex[:8]}", task_queue="orders"
    )
    print(f"started {handle.id}", flush=True)
    print(f"completed: {await handle.result()}")


if __name__ == "__main__":
    asyncio.run(main())
    # A thread of the SDK may abort the interpreter while it shuts down, so end without a shutdown.
    sys.stdout.flush()
    os._exit(0)
