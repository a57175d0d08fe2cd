"""Starts a workflow and sends signals to it. Each signal is one event of its history.

Usage: signals.py ADDRESS NAMESPACE QUEUE WORKFLOW_ID COUNT
"""

import asyncio
import os
import sys
from temporalio.client import Client

ADDRESS, NAMESPACE, QUEUE, WORKFLOW_ID, COUNT = sys.argv[1:]
AT_ONCE = 20


async def main() -> None:
    client = await Client.connect(ADDRESS, namespace=NAMESPACE)
    handle = await client.start_workflow("Approval", id=WORKFLOW_ID, task_queue=QUEUE)
    numbers = iter(range(int(COUNT)))

    async def send() -> None:
        for number in numbers:
            await handle.signal("nudge", number)

    await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    # The SDK has threads of its own, which may abort the interpreter at its end.
    os._exit(0)


asyncio.run(main())
