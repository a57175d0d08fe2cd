"""Starts many workflows of the type `Approval`, which wait for a timer.

Usage: many.py ADDRESS NAMESPACE QUEUE COUNT
"""

import asyncio
import os
import sys
from temporalio.client import Client

ADDRESS, NAMESPACE, QUEUE, COUNT = sys.argv[1:]


async def main() -> None:
    client = await Client.connect(ADDRESS, namespace=NAMESPACE)
    for number in range(int(COUNT)):
        await client.start_workflow("Approval", id=f"many-{number}", task_queue=QUEUE)
    # The SDK has threads of its own, which may abort the interpreter at its end.
    os._exit(0)


asyncio.run(main())
