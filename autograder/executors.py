"""Where submissions are judged: processes of this machine, or a Dask cluster. Nothing else differs between the two."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from threading import Thread

from autograder.course import CourseError


@dataclass
class Workers:
    """An executor that is made anew when it breaks.

    `count` is how many submissions it judges at a time; `check` raises CourseError where no worker is left.
    """

    make: Callable[[], Executor]
    count: int
    check: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.executor = self.make()

    def submit(self, function: Callable, *arguments: object) -> Future:
        try:
            return self.executor.submit(function, *arguments)
        except BrokenExecutor:
            self.executor = self.make()
            return self.executor.submit(function, *arguments)


@contextmanager
def local_executor(
    jobs: int, start: Callable[[int, int], None] | None = None, modules: Sequence[str] = ()
) -> Iterator[Workers]:
    """`jobs` processes of this machine; none outlives the block, nor this process, however that ends.

    Args:
        start: called once in each of them, with its number (0, 1, …) and `jobs`.
        modules: what they import. It happens once, before they are forked: they share it, and a lost one is back at once.
    """
    context = get_context("forkserver")
    ours = [name for name in ("autograder.batch", "autograder.judge") if name in sys.modules]
    context.set_forkserver_preload([*ours, *modules])
    held, leash = context.Pipe(duplex=False)  # the workers end when the kernel or we close `leash`
    number = context.Value("i", 0)

    def make() -> Executor:
        return ProcessPoolExecutor(
            jobs, mp_context=context, initializer=_start_worker, initargs=(held, start, number, jobs)
        )

    workers = Workers(make, jobs)
    try:
        yield workers
    finally:
        leash.close()
        workers.executor.shutdown(cancel_futures=True)
        held.close()


def _start_worker(held: Connection, start: Callable[[int, int], None] | None, number: Synchronized, jobs: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business

    def follow() -> None:
        wait([held])
        os._exit(0)

    Thread(target=follow, daemon=True).start()
    if start:
        with number:
            mine, number.value = number.value, number.value + 1
        start(mine, jobs)


@contextmanager
def dask_executor(address: str, *, patience: float = 60.0) -> Iterator[Workers]:
    """The workers of the Dask cluster whose scheduler listens at `address`, `tcp://host:8786` say.

    Args:
        patience: seconds to wait for a scheduler that does not answer, or for workers where there are none.

    Raises:
        CourseError: there is no such scheduler, or no worker.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("A Dask cluster needs the package distributed: pip install distributed.") from None
    try:
        client = Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"No Dask scheduler answers at '{address}' ({error}): start one with 'dask scheduler' and give its address."
        ) from None

    def check() -> None:
        try:
            client.wait_for_workers(1, timeout=patience)
        except Exception as error:  # noqa: BLE001 - whatever a cluster that went away raises
            raise CourseError(
                f"The Dask cluster at '{address}' has no worker left ({error or type(error).__name__}): start some "
                f"with 'dask worker {address} --nthreads 1' and grade again; it goes on where it stopped."
            ) from None

    with client:
        check()
        workers = Workers(lambda: client.get_executor(pure=False), sum(client.nthreads().values()), check)
        try:
            yield workers
        finally:
            workers.executor.shutdown(wait=False)
