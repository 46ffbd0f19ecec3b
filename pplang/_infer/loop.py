"""Long computations as one compiled program that is called block by block.

Between the blocks Python is back: progress is shown, Ctrl-C is heard, and several runs of the same program (chains) go on side by side on
their own cores. No host callback is compiled in: programs with one cannot be kept in a cache.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pplang._cache import compiled
from pplang._infer.settings import Progress

_SECONDS_PER_BLOCK = 0.2
"""How long a block should take: often enough for a progress bar and Ctrl-C, seldom enough to cost nothing."""
_NUMBERS_PER_BLOCK = 2**21
"""How many numbers the records of one block may hold."""


@dataclass(frozen=True)
class Process:
    """A loop in JAX, to be traced.

    begin(seed, run, arguments): the state before the first step. step(state, number, arguments): the next state, and a record of the step
    (a dict of arrays). result(state): what is wanted of the last state (a dict of arrays); its `go_on`, a boolean, ends the run when false.
    All are functions of their arguments alone.
    """

    begin: Callable[[Any, Any, Any], Any]
    step: Callable[[Any, Any, Any], tuple[Any, dict[str, Any]]]
    result: Callable[[Any], dict[str, Any]]


@dataclass
class Run:
    """One run of a loop: the leaves of its state, what was recorded so far, and the result as it stands. pace: steps of the next block."""

    number: int
    leaves: Sequence[Any]
    done: int = 0
    pace: int = 1
    blocks: list[dict[str, np.ndarray]] = field(default_factory=list)
    result: dict[str, np.ndarray] = field(default_factory=dict)

    def records(self) -> dict[str, np.ndarray]:
        """All records, (steps, ...) by name."""
        return {name: np.concatenate([block[name] for block in self.blocks]) for name in self.blocks[0]}

    def forget(self) -> None:
        """Drop what was recorded so far."""
        self.blocks.clear()


class Loop:
    """A process, compiled for arguments of the shapes of `arguments` (a tree of arrays).

    Its executable is found in the cache when `identity` and the shapes are those of an earlier one.
    """

    def __init__(self, arguments: Any, make: Callable[[], Process], identity: str, numbers_per_step: int) -> None:
        self._rows = int(np.clip(_NUMBERS_PER_BLOCK // numbers_per_step, 1, 1024))

        def program() -> tuple[Callable[..., Any], tuple[Any, ...]]:
            process = make()
            number = np.uint32(0)
            leaves = _leaves(process, arguments)
            return _block(process, self._rows), (arguments, number, number, leaves, np.int64(0), np.int64(0))

        self._executable = compiled(program, arguments, f"{self._rows} {identity}")

    def fresh(self, number: int) -> Run:
        """A run that has not begun."""
        leaves = self._executable.args_info[0][3]
        return Run(number, tuple(np.zeros(leaf.shape, leaf.dtype) for leaf in leaves))

    def run(
        self, arguments: Sequence[Any], seed: int, steps: int, progress: Progress, remark: Callable[[Run], str], runs: Sequence[Run] = ()
    ) -> Sequence[Run]:
        """Several runs side by side, each on a core of its own, until each has done so many steps.

        arguments: of each run. runs: those to go on with; new ones if there are none. A run's numbers depend on the seed, its own number and its
        arguments only.
        """
        import jax

        every = runs or [self.fresh(number) for number in range(len(arguments))]
        stop = threading.Event()

        def whole(run: Run, own: Any) -> None:
            with jax.enable_x64(True):
                self._blocks(own, run, seed, steps, stop)

        with ThreadPoolExecutor(min(len(every), os.cpu_count() or 1)) as pool:
            pending = {pool.submit(whole, run, own) for run, own in zip(every, arguments, strict=True)}
            try:
                while pending:
                    done, pending = wait(pending, timeout=0.1)
                    for future in done:
                        future.result()
                    progress(sum(run.done for run in every), len(every) * steps, remark(every[0]))
            finally:
                stop.set()
        return every

    def _blocks(self, arguments: Any, run: Run, seed: int, steps: int, stop: threading.Event) -> None:
        count = max(1, run.pace)
        while run.done < steps and not stop.is_set():
            started = time.monotonic()
            count = min(count, self._rows, steps - run.done)
            numbers = np.uint32(seed), np.uint32(run.number)
            block = self._executable(arguments, *numbers, run.leaves, np.int64(run.done), np.int64(count))
            run.leaves, records, result = block
            run.blocks.append({name: np.asarray(rows)[:count].copy() for name, rows in records.items()})
            run.result = {name: np.asarray(value) for name, value in result.items()}
            run.done += count
            if not run.result["go_on"]:
                stop.set()
            elapsed = time.monotonic() - started
            count = count * 2 if elapsed < _SECONDS_PER_BLOCK / 2 else max(1, int(count * _SECONDS_PER_BLOCK / elapsed))
            run.pace = count


def _leaves(process: Process, arguments: Any) -> tuple[Any, ...]:
    """Shapes and types of the leaves of the state."""
    import jax

    number = np.uint32(0)
    return tuple(jax.tree.leaves(jax.eval_shape(process.begin, number, number, arguments)))


def _block(process: Process, rows: int) -> Callable[..., Any]:
    """The function to compile: (arguments, seed, run, leaves, done, count) → (leaves, records, result).

    One function for the beginning and every block, so that the model's gradient is compiled once. The state travels as its leaves: their
    types are plain, and the executable can be loaded where the libraries that define the state's records are not imported.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax

    def block(arguments: Any, seed: Any, run: Any, leaves: Sequence[Any], done: Any, count: Any) -> tuple[Any, Any, Any]:
        structure = jax.tree.structure(jax.eval_shape(process.begin, seed, run, arguments))

        def fresh(_: Any) -> Any:
            return process.begin(seed, run, arguments)

        def continued(leaves: Sequence[Any]) -> Any:
            return jax.tree.unflatten(structure, leaves)

        state = lax.cond(done == 0, fresh, continued, leaves)
        record = jax.eval_shape(process.step, state, done, arguments)[1]
        records = jax.tree.map(lambda one: jnp.zeros((rows, *one.shape), one.dtype), record)

        def advance(i: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            state, records = carry
            state, record = process.step(state, done + i, arguments)
            return state, jax.tree.map(lambda column, value: column.at[i].set(value), records, record)

        state, records = lax.fori_loop(0, count, advance, (state, records))
        return tuple(jax.tree.leaves(state)), records, process.result(state)

    return block
