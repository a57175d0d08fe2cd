"""A worker whose workflows do not finish, each in its own way.

Usage: worker.py ADDRESS NAMESPACE QUEUE VERSION

The code of `Drift` depends on VERSION, `one` or `two`. Prints `polls` once it polls. SIGINT ends it and
hands its workflows back to the server.
"""

import asyncio
import signal
import sys
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

ADDRESS, NAMESPACE, QUEUE, VERSION = sys.argv[1:]


class BankUnavailable(Exception):
    pass



@activity.defn
async def call_bank(order: str) -> str:
    raise BankUnavailable("bank API answered 503 Service Unavailable\nsecond line")


@activity.defn
async def ship(order: str) -> str:
    try:
        raise ValueError("postcode '00000' is not deliverable")
    except ValueError as error:
        raise ApplicationError(
            f"cannot ship order {order}", type="ShippingError", non_retryable=True
        ) from error


@activity.defn
async def quick(order: str) -> str:
    return "ok"


@workflow.defn
class Refund:
    @workflow.run
    async def run(self, order: str) -> str:
        return await workflow.execute_activity(
            call_bank,
            order,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=50),
        )


@workflow.defn
class Shipment:
    @workflow.run
    async def run(self, order: str) -> str:
        return await workflow.execute_activity(ship, order, start_to_close_timeout=timedelta(seconds=10))


@workflow.defn
class Parent:
    @workflow.run
    async def run(self, order: str) -> str:
        child = f"child-of-{workflow.info().workflow_id}"
        return await workflow.execute_child_workflow(Shipment.run, order, id=child)


@workflow.defn
class Bug:
    @workflow.run
    async def run(self) -> str:
        raise KeyError("missing-sku")


@workflow.defn
class Drift:
    def __init__(self) -> None:
        self.go = False

    @workflow.signal
    def proceed(self) -> None:
        self.go = True

    @workflow.run
    async def run(self) -> str:
        if VERSION == "two":
            await workflow.sleep(1)
        else:
            await workflow.execute_activity(quick, "x", start_to_close_timeout=timedelta(seconds=10))
        await workflow.wait_condition(lambda: self.go)
        return "done"


@workflow.defn
class Approval:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(3600)
        return "late"


@activity.defn
async def second_try() -> str:
    attempt = activity.info().attempt
    if attempt == 1:
        raise BankUnavailable("the first attempt fails")
    return f"attempt {attempt}"


@workflow.defn
class Later:
    """Its activity fails once, and the next attempt is in an hour."""

    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            second_try,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )


@activity.defn
async def nap() -> None:
    await asyncio.sleep(3600)


@workflow.defn
class Nap:
    """Its activity runs until its timeout."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(nap, start_to_close_timeout=timedelta(seconds=300))


@workflow.defn
class Basket:
    """Collects items, and ends by an update or a cancellation."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.is_closed = False

    @workflow.signal
    def add(self, item: str) -> None:
        self.items.append(item)

    @workflow.query
    def items_of(self, prefix: str) -> dict:
        return {"items": [item for item in self.items if item.startswith(prefix)]}

    @workflow.update
    def close(self, by: str) -> str:
        self.is_closed = True
        return f"closed by {by}"

    @close.validator
    def not_by_nobody(self, by: str) -> None:
        if not by:
            raise ValueError("nobody cannot close a basket")

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.is_closed)
        return self.items


@workflow.defn
class Checkout:
    @workflow.run
    async def run(self, order: str) -> str:
        return await workflow.execute_activity(quick, order, start_to_close_timeout=timedelta(seconds=10))

async def main() -> None:
    # Without reports, the server does not learn the name of the queue from the worker.
    runtime = Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=None)
    client = await Client.connect(ADDRESS, namespace=NAMESPACE, runtime=runtime)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Refund, Shipment, Parent, Bug, Drift, Approval, Later, Nap, Basket, Checkout],
        activities=[call_bank, ship, quick, second_try, nap],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    # Python handles SIGINT by itself only if the caller has not ignored it.
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    async with worker:
        print("polls", flush=True)
        await stop.wait()


asyncio.run(main())
