"""Two streams of server-sent events as one, for pages that have more than the menu to keep true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

import structlog

Part = str | bytes | memoryview
log = structlog.get_logger("webui.streams")


async def both(first: AsyncIterable[Part], second: AsyncIterable[Part]) -> AsyncGenerator[Part, None]:
    """Both at once, until the first ends. One that breaks is logged, and the whole ends with it, so that the browser
    asks for a new one: a page must not stand still for ever without anybody knowing."""
    queue: asyncio.Queue[Part | None] = asyncio.Queue(maxsize=4)

    async def pump(source: AsyncIterable[Part], last: bool) -> None:
        try:
            async for part in source:
                await queue.put(part)
        except Exception:  # whatever it is, the reader must not wait for more of it
            log.exception("a page's stream broke")
            last = True
        if last:
            await queue.put(None)

    tasks = [asyncio.create_task(pump(first, True)), asyncio.create_task(pump(second, False))]
    try:
        while (part := await queue.get()) is not None:
            yield part
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for source in (first, second):
            if isinstance(source, AsyncGenerator):
                await source.aclose()  # it may have been waited for outside of it
