"""Texts that are searched in threads are answered as if the loop had done it."""

import asyncio
import gc
import threading

import pytest

from processors.ingest.searching import THREADS, Searching


def refuses_zero(text: bytes) -> bool:
    """Whether there is an x; raises where there is a 0."""
    if b"0" in text:
        raise ValueError("there is a 0")
    return b"x" in text


def searchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("search-")]


def test_each_who_asks_hears_of_its_own_text() -> None:
    async def asked() -> list[bool | BaseException]:
        searching = Searching(refuses_zero)
        texts = [b"axa", b"b", b"0", *[b"x" if index % 3 else b"y" for index in range(200)]]
        return await asyncio.gather(*map(searching.suspects, texts), return_exceptions=True)

    yes, no, fault, *others = asyncio.run(asked())
    assert (yes, no) == (True, False)
    assert isinstance(fault, ValueError)
    assert others == [bool(index % 3) for index in range(200)]


def test_an_answer_nobody_waits_for_harms_nobody() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def waits(text: bytes) -> bool:
        begun.set()
        return go_on.wait(10) and text == b"x"

    async def abandoned(searching: Searching) -> None:
        waiting = asyncio.create_task(searching.suspects(b"x"))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    searching = Searching(waits)
    asyncio.run(abandoned(searching))  # its loop is closed when the answer comes
    go_on.set()
    assert asyncio.run(searching.suspects(b"x"))


def test_the_threads_begin_with_the_first_text_and_end_with_their_owner() -> None:
    gc.collect()
    before = searchers()
    searching = Searching(refuses_zero)
    assert searchers() == before
    asyncio.run(searching.suspects(b"x"))
    mine = [thread for thread in searchers() if thread not in before]
    assert len(mine) == THREADS
    del searching
    gc.collect()
    for thread in mine:
        thread.join(10)
        assert not thread.is_alive()
