"""A worker, and workflows in many states. Prints `ready` once all workflows have reached their states.

Usage: states.py ADDRESS NAMESPACE QUEUE

The namespace needs the search attribute `Region` of the type Keyword. SIGINT ends the worker.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

ADDRESS, NAMESPACE, QUEUE = sys.argv[1:]
HOUR = timedelta(hours=1)


@activity.defn
async def beat(order: str) -> str:
    while True:
        activity.heartbeat("working", 7)
        await asyncio.sleep(0.2)


@activity.defn
async def fail(order: str) -> str:
    try:
        raise KeyError("missing")
    except KeyError as error:
        raise ApplicationError(f"cannot ship {order}\nsecond line", type="Broken") from error


@workflow.defn
class Busy:
    """Has three activities, a child and a timer that do not end."""

    @workflow.run
    async def run(self, order: str) -> None:
        workflow.start_activity(
            beat, order, start_to_close_timeout=HOUR, heartbeat_timeout=timedelta(seconds=30)
        )
        workflow.start_activity(
            fail,
            order,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=10),
                backoff_coefficient=100_000,
                maximum_interval=HOUR,
                maximum_attempts=9,
            ),
        )
        workflow.start_activity(fail, order, task_queue="nobody", schedule_to_close_timeout=HOUR)
        await workflow.start_child_workflow(Sleeper.run, id=f"{workflow.info().workflow_id}-child")
        await workflow.sleep(HOUR)


@workflow.defn
class Sleeper:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(HOUR)


@workflow.defn
class Ends:
    @workflow.run
    async def run(self, how: str) -> str:
        if how == "fail":
            raise ApplicationError("no stock", type="OutOfStock")
        if how == "continue":
            workflow.continue_as_new("complete")
        return how


@workflow.defn
class Bug:
    @workflow.run
    async def run(self) -> None:
        raise KeyError("missing-sku")


async def outcome(handle) -> None:
    try:
        await handle.result()
    except WorkflowFailureError:
        pass


async def main() -> None:
    # Workers report at once, and not after a minute.
    runtime = Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=timedelta(seconds=1))
    client = await Client.connect(ADDRESS, namespace=NAMESPACE, runtime=runtime)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Busy, Sleeper, Ends, Bug],
        activities=[beat, fail],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    region = SearchAttributePair(SearchAttributeKey.for_keyword("Region"), "north")

    async def start(run, *args, id: str, **more):
        return await client.start_workflow(
            run,
            args=args,
            id=id,
            task_queue=QUEUE,
            memo={"customer": "Ann"},
            search_attributes=TypedSearchAttributes([region]),
            **more,
        )

    async with worker:
        await start(Busy.run, "o-7", id="busy")
        await start(Bug.run, id="bug")
        for how in ["complete", "fail", "continue"]:
            await outcome(await start(Ends.run, how, id=how))
        late = await start(Sleeper.run, id="late", execution_timeout=timedelta(seconds=1))
        canceled = await start(Sleeper.run, id="canceled")
        await canceled.cancel()
        terminated = await start(Sleeper.run, id="terminated")
        await terminated.terminate("wrong order")
        reset = await start(Sleeper.run, id="signaled")
        await reset.signal("nudge", "now")
        await client.start_workflow("Nobody", id="waits", task_queue="nobody")
        for handle in [late, canceled, terminated]:
            await outcome(handle)
        print("ready", flush=True)
        await stop.wait()
    # Threads of the SDK may still run, and the end of the interpreter then crashes.
    os._exit(0)


asyncio.run(main())
