"""Runs one workflow with many kinds of events, and prints `done`.

Usage: events.py ADDRESS NAMESPACE QUEUE WORKFLOW_ID
"""

import asyncio
import os
import sys
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

ADDRESS, NAMESPACE, QUEUE, WORKFLOW_ID = sys.argv[1:]
# Longer than any activity takes on a busy machine.
LONG = timedelta(seconds=50)


@activity.defn
async def succeed(order: str) -> str:
    return f"shipped {order}"


@activity.defn
async def fail(order: str) -> str:
    raise ApplicationError("first line\nsecond line", type="Broken", non_retryable=True)


@activity.defn
async def hang(order: str) -> str:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.1)


@workflow.defn
class Child:
    @workflow.run
    async def run(self, fate: str) -> str:
        if fate == "fail":
            raise ApplicationError("no stock", type="OutOfStock")
        if fate == "hang":
            await workflow.sleep(3600)
        return fate


@workflow.defn
class Everything:
    def __init__(self) -> None:
        self.signals = 0

    @workflow.signal
    def nudge(self, text: str) -> None:
        self.signals += 1

    @workflow.update
    async def change(self, text: str) -> str:
        if text == "break":
            raise ApplicationError("cannot change", type="Unchangeable")
        return text.upper()

    @change.validator
    def check(self, text: str) -> None:
        if text == "refuse":
            raise ValueError("refused")

    async def caught(self, awaitable) -> None:
        try:
            await awaitable
        except BaseException:
            pass

    @workflow.run
    async def run(self, order: str) -> str:
        if order == "again":
            return "end"
        await workflow.wait_condition(lambda: self.signals == 1)
        await workflow.execute_activity(succeed, order, start_to_close_timeout=LONG)
        await self.caught(workflow.execute_activity(fail, order, start_to_close_timeout=LONG))
        late = timedelta(seconds=0.3)
        await self.caught(
            workflow.execute_activity(succeed, order, task_queue="nobody", schedule_to_close_timeout=late)
        )
        await workflow.execute_local_activity(succeed, order, start_to_close_timeout=LONG)
        hanging = workflow.start_activity(
            hang,
            order,
            start_to_close_timeout=LONG,
            heartbeat_timeout=LONG,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        timer = asyncio.ensure_future(workflow.sleep(3600))
        await workflow.sleep(0.2)
        hanging.cancel()
        timer.cancel()
        await self.caught(hanging)
        await self.caught(timer)
        for fate in ["complete", "fail"]:
            await self.caught(workflow.execute_child_workflow(Child.run, fate, id=f"{WORKFLOW_ID}-{fate}"))
        await self.caught(
            workflow.execute_child_workflow(
                Child.run, "hang", id=f"{WORKFLOW_ID}-late", run_timeout=timedelta(seconds=0.3)
            )
        )
        child = await workflow.start_child_workflow(Child.run, "hang", id=f"{WORKFLOW_ID}-canceled")
        child.cancel()
        await self.caught(child)
        await self.caught(workflow.get_external_workflow_handle("nobody").signal("nudge", "x"))
        await self.caught(workflow.get_external_workflow_handle("nobody").cancel())
        workflow.continue_as_new("again")


async def main() -> None:
    client = await Client.connect(ADDRESS, namespace=NAMESPACE)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Everything, Child],
        activities=[succeed, fail, hang],
        # The response to a heartbeat brings the cancellation.
        max_heartbeat_throttle_interval=timedelta(seconds=0.5),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        handle = await client.start_workflow(Everything.run, "o-7", id=WORKFLOW_ID, task_queue=QUEUE)
        await handle.execute_update(Everything.change, "blue")
        for text in ["break", "refuse"]:
            try:
                await handle.execute_update(Everything.change, text)
            except WorkflowUpdateFailedError:
                pass
        await handle.signal(Everything.nudge, "now")
        await handle.result()
    print("done", flush=True)
    # Threads of the SDK may still run, and the end of the interpreter then crashes.
    os._exit(0)


asyncio.run(main())
