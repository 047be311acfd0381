"""Several iterators at once, each in a thread of its own and a few items ahead; their items in one order.

Leaves out what the items are. They are made on demand: no thread runs further ahead than it was told to.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


def in_turns(sources: Sequence[Iterator[T]], lengths: Sequence[int], n_ahead: int) -> Iterator[T]:
    """So many items of the first source, so many of the second, ..., and round again, as `lengths` say.

    What a source raises is raised where its item is due.

    >>> list(in_turns([iter("abc"), iter("xyz")], [2, 3, 1], 2))
    ['a', 'b', 'x', 'y', 'z', 'c']
    """
    with ExitStack() as stack:
        rows = [stack.enter_context(closing(_Ahead(source, n_ahead))) for source in sources]
        for number, length in enumerate(lengths):
            yield from islice(rows[number % len(rows)], length)


class _Ahead(Generic[T]):
    """What an iterator gives, made up to `n_ahead` items ahead in one thread."""

    def __init__(self, source: Iterator[T], n_ahead: int) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._made: deque[Future[list[T]]] = deque()
        for _ in range(n_ahead):
            self._make_one()

    def _make_one(self) -> None:
        self._made.append(self._thread.submit(lambda: list(islice(self._source, 1))))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._made.popleft().result()
        self._make_one()
        if not item:
            raise StopIteration
        return item[0]

    def close(self) -> None:
        """Waits for the item that is being made, makes no other."""
        self._thread.shutdown(cancel_futures=True)
