"""Compiled programs, kept in the user's cache folder so that a second fit of the same model shape compiles (and traces) nothing.

An entry is one serialised XLA executable. Its name is a digest of everything that it depends on: the caller's identity of the program,
the shapes of its arguments, JAX's settings, versions, our own source files, the processor's features and the number of cores. So an entry
is never stale, only unused. Loading an entry runs machine code: the folder must belong to the user and be closed to everyone else,
otherwise it is not used at all. JAX's own persistent cache is not used: it is switched on for a whole process, and it finds an entry only after tracing.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import re
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pplang import _files
from pplang._diagnostics import Problems

_LARGEST = 512 * 2**20
_MOST_ENTRIES = 400
_PORTABLE_CALLS = re.compile(r"(lapack|blas)_\w+")

TRACING = threading.Lock()
"""NumPyro's stack of handlers is one for all threads, so only one may trace; compiling, which takes longer, goes on side by side."""


class _Hits(threading.local):
    """How many compilations of this thread were answered by JAX's own cache, which a user may have switched on."""

    number = 0

    def heard(self, event: str, **_: Any) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            self.number += 1


_HITS = _Hits()


def compiled(program: Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]], data: Any, identity: str) -> Any:
    """An executable (`jax.stages.Compiled`), from the cache or compiled now.

    program: makes the function to compile and examples of its arguments (arrays, or shapes and types); called only when the cache has no
    entry, so what it imports is not imported otherwise. `identity` and the shapes of `data`, a tree of arrays, must determine both.
    To be called, and the result run, under `jax.enable_x64(True)`.
    """
    import jax

    folder = _folder()
    entry = folder / _digest(identity, data) if folder else None
    if entry and (found := _load(entry)):
        return found
    with TRACING:
        function, examples = program()
        lowered = jax.jit(function).lower(*examples)
    before = _listening().number
    executable = lowered.compile()
    # What JAX took from a persistent cache of its own cannot be kept: serialised again, it lacks its code and fails when it is run.
    if entry and _HITS.number == before:
        _store(entry, executable)
    return executable


@functools.cache
def _listening() -> _Hits:
    import jax

    jax.monitoring.register_event_listener(_HITS.heard)
    return _HITS


def _folder() -> Path | None:
    """The user's cache folder, made if need be; None if there is none that is safe to use."""
    wanted = os.environ.get("PPLANG_CACHE_DIR")
    if wanted == "":
        return None
    folder = (Path(wanted) if wanted else _users_cache() / "pplang") / "compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _private(folder) else None
    except OSError:
        return None


def _users_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Caches").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def _private(folder: Path) -> bool:
    """Does the folder belong to this user, and is it closed to all others?"""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        return False
    return sys.platform == "win32" or (facts.st_uid == os.getuid() and not facts.st_mode & 0o077)


def _digest(identity: str, data: Any) -> str:
    import jax

    leaves, tree = jax.tree.flatten(data)
    shapes = [(leaf.shape, str(leaf.dtype)) for leaf in leaves]
    settings = sorted((name, repr(value)) for name, value in jax.config.values.items())
    device = jax.devices()[0]
    facts = (
        identity,
        shapes,
        str(tree),
        settings,
        bool(jax.config.jax_enable_x64),  # type: ignore[attr-defined]
        os.environ.get("XLA_FLAGS"),
        (device.platform, device.device_kind, device.client.platform_version),
        (sys.version, jax.__version__, _versions()),
        (platform.machine(), _processor(), os.cpu_count()),
        _own_sources(),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _versions() -> tuple[str, ...]:
    from importlib.metadata import version

    return tuple(version(name) for name in ("jaxlib", "numpy", "numpyro", "optax"))


def _processor() -> str:
    """The processor's model and features: an executable made on one machine may not run on another that mounts the same home folder."""
    try:
        facts = Path("/proc/cpuinfo")
        lines = _files.read_text(facts, 2**24).splitlines() if facts.exists() else []
    except (OSError, Problems):
        lines = []
    told = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    return "\n".join(sorted(told)) or platform.processor()


def _own_sources() -> list[tuple[str, int, int]]:
    """Our own files by size and time of change, so that editing pplang never runs what an earlier pplang compiled."""
    root = Path(__file__).parent
    files = sorted(root.rglob("*.py"))
    return [(str(file.relative_to(root)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def _load(entry: Path) -> Any | None:
    """The executable of an entry; None if there is none or it is damaged."""
    import jax
    from jax.experimental import serialize_executable

    if not entry.exists():
        return None
    try:
        content = _files.read_bytes(entry, _LARGEST)
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() != digest:
            return None
        needs_lapack, *parts = pickle.loads(body)
        if needs_lapack:
            # The addresses of LAPACK's routines are looked up when a call to one is lowered; without that, running one crashes.
            jax.jit(jax.lax.linalg.cholesky).lower(jax.ShapeDtypeStruct((1, 1), "float32"))
        os.utime(entry)
        return serialize_executable.deserialize_and_load(*parts, execution_devices=jax.devices()[:1])  # type: ignore[misc]
    except Exception:  # an entry that cannot be read, whatever the reason, only costs a compilation
        return None


def _store(entry: Path, executable: Any) -> None:
    """Keep an executable; one that calls routines which a fresh process may lack is not kept."""
    from jax.experimental import serialize_executable

    calls = re.findall(r'custom_call_target="([^"]*)"', executable.as_text())
    if not all(_PORTABLE_CALLS.fullmatch(call) for call in calls):
        return
    try:
        body = pickle.dumps((bool(calls), *serialize_executable.serialize(executable)))
        _files.write_bytes_atomic(entry, hashlib.sha256(body).digest() + body, force=True)
        _prune(entry.parent)
    except (OSError, Problems, ValueError, NotImplementedError):
        return  # a full disk, or a backend that cannot serialise: the fit goes on without


def _prune(folder: Path) -> None:
    """Remove the entries that were used longest ago, beyond a fixed number."""
    entries = sorted(folder.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[_MOST_ENTRIES:]:
        entry.unlink(missing_ok=True)
