"""One-for-one supervision: a child that crashes is started again, its siblings never notice.

    state     what happens                                   next
    --------  ---------------------------------------------  --------------------------------------------
    running   the child returns                              done
    running   the child raises, fewer than `crashes` lately  resting (back-off), then running
    running   the child raises, too often lately             down (`on_down`); after the cool-down `on_up`, running
    any       cancelled                                      done (Cancelled passes through)

The only broad `except` of the house stands here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import trio

from csms.ocpp.faults import Fault

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


class Bug(Exception):
    """Something of ours broke where it was contained; the cause says what."""


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """Seconds. `crashes` within `within` put the child down for `cool_down`; before that, rests grow from
    `first_rest` to `longest_rest`."""

    crashes: int = 5
    within: float = 60.0
    cool_down: float = 300.0
    first_rest: float = 0.2
    longest_rest: float = 10.0

    def rest(self, crashes: int) -> float:
        """How long to wait after this many crashes lately."""
        return float(min(self.longest_rest, self.first_rest * 2 ** (crashes - 1)))


def _nothing() -> None:
    return None


async def supervise(
    run: Callable[[], Awaitable[None]],
    *,
    on_crash: Callable[[Exception], None],
    limits: RestartLimits,
    on_down: Callable[[], None] = _nothing,
    on_up: Callable[[], None] = _nothing,
    rest: Callable[[float], Awaitable[None]] = trio.sleep,
) -> None:
    """Run until `run` returns; see the table above. `rest` sleeps, or less when the child shall end."""
    crashes: list[float] = []
    while True:
        try:
            return await run()
        except Exception as error:  # noqa: BLE001  the one place where a child's bug ends
            now = trio.current_time()
            crashes = [*(at for at in crashes if now - at < limits.within), now]
            on_crash(error)
        if len(crashes) < limits.crashes:
            await rest(limits.rest(len(crashes)))
            continue
        on_down()
        await rest(limits.cool_down)
        crashes.clear()
        on_up()


async def contain(work: Callable[[], Awaitable[None]], on_crash: Callable[[Exception], None]) -> None:
    """Do the work once; a bug in it is told and ends here."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001  a link's bug must not fell its neighbours
        on_crash(error)


def attempt(work: Callable[[A], T], value: A, on_crash: Callable[[Exception], T]) -> T:
    """Do one station's work in a task that serves all of them; a bug in it is told and ends here."""
    try:
        return work(value)
    except Exception as error:  # noqa: BLE001  whoever calls serves all stations
        return on_crash(error)


def translate(work: Callable[[A], T], value: A) -> T:
    """Call a dialect: Fault passes, any bug becomes `Bug`. Nothing has changed yet when it is raised."""
    try:
        return work(value)
    except Fault:
        raise
    except Exception as error:
        raise Bug(f"{type(error).__name__}: {error}") from error


def translate_reply(work: Callable[[A, B], T], value: A, reply: B) -> T:
    """Like `translate`, for the way back; here a Fault would be a bug too."""
    try:
        return work(value, reply)
    except Exception as error:
        raise Bug(f"{type(error).__name__}: {error}") from error
