"""Making and ending what must not be left half made, or half ended."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

T = TypeVar("T")


async def whole(making: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[object]] | None = None) -> T:
    """What `making` returns. When the caller is cancelled meanwhile, it is finished all the same, and undone, before that shows."""
    task = asyncio.ensure_future(making)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None and undo is not None:
            await undo(task.result())
        raise


async def stopped(client: AIOKafkaConsumer | AIOKafkaAdminClient) -> None:
    """Stop a consumer that is in no group, or an admin, between two connections: stopped while it makes one, its client would leave
    that open (aiokafka 0.14 cancels its metadata task in `AIOKafkaClient.close` wherever that stands)."""
    async with client._client._get_conn_lock:
        if isinstance(client, AIOKafkaAdminClient):
            await client.close()
            return
        try:
            await client.stop()
        except asyncio.CancelledError:
            # Of a fetch that got no answer yet, which `Fetcher.close` cancels and awaits: then it goes no further.
            await client._client.close()
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
