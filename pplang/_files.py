"""The one module that opens files: reads with a size limit, writes that are whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pplang._diagnostics import Diagnostic, Problems

MEGABYTE = 1_000_000
_PATIENCE = 0.8
"""The part of the free memory that may be used."""


def read_text(path: str | os.PathLike[str], limit: int) -> str:
    """The text of a UTF-8 file (a byte-order mark is dropped, line ends are kept as they are).

    Raises `Problems`: I20 no such file, I21 a folder, I22 cannot be read, I23 more than `limit` bytes, I24 not UTF-8, I25 NUL characters.
    """
    return decoded(read_bytes(path, limit), os.fspath(path))


def decoded(raw: bytes, name: str) -> str:
    """The text of UTF-8 bytes that came from `name`. Raises `Problems` (I24, I25) as `read_text` does."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _problem("I24", f"{name} is in UTF-16, and pplang reads UTF-8", help="save it again as UTF-8 (in Excel: CSV UTF-8)")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        note = f"line {line} holds the byte 0x{raw[error.start]:02x}, which is not UTF-8 (perhaps Latin-1 or Windows-1252)"
        raise _problem("I24", f"{name} is not UTF-8 text", note, help="save it again as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _problem("I25", f"{name} holds a NUL character (line {line}), so it is not a text file", help="give a text file")
    return text


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """The content of a file of at most `limit` bytes. Raises `Problems` as `read_text` does."""
    with open_binary(path) as handle:
        raw = handle.read(limit + 1)
    if len(raw) > limit:
        raise too_large(os.fspath(path), limit)
    return raw


@contextmanager
def open_binary(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """An ordinary file, opened for reading, for libraries that want a handle. Raises `Problems` (I20, I21, I22)."""
    name = os.fspath(path)
    try:
        handle = open(path, "rb")  # noqa: SIM115
    except (FileNotFoundError, NotADirectoryError):
        raise _problem("I20", f"there is no file {name}", *_neighbours(Path(path)), help="check the path and the folder it is in") from None
    except IsADirectoryError:
        raise _problem("I21", f"{name} is a folder, not a file", help="name the file in it") from None
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    with handle:
        try:
            yield handle
        except OSError as error:
            raise _unreadable(name, error) from None


def file_size(path: str | os.PathLike[str]) -> int:
    """Bytes that the file takes on the disk; 0 where that cannot be said."""
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


def check_target(path: str | os.PathLike[str], force: bool) -> None:
    """Raise `Problems` when an output could not be written: O01 it exists and not `force`, O02 its folder is missing or it is a folder.

    For use before any work is done; `atomic_path` looks again at the end.
    """
    target = Path(path)
    if target.is_dir():
        raise _problem("O02", f"{target} is a folder", help=f"name a file in it, for example {target / 'model.fit.nc'}")
    if not target.parent.is_dir():
        raise _problem("O02", f"there is no folder {target.parent} to write {target.name} in", help="make the folder first")
    if not force and os.path.lexists(target):
        raise _problem("O01", f"{target} exists already", help="give another name with -o, or replace it with --force")


@contextmanager
def atomic_path(path: str | os.PathLike[str], force: bool) -> Iterator[Path]:
    """A temporary path beside the target. It becomes the target when the block ends well, and is removed when it does not, Ctrl-C included.

    Raises `Problems`: O01 the target exists and not `force`, O02 it cannot be written.
    """
    import secrets  # not at the top: it takes long to import, and checking a model writes nothing

    check_target(path, force)
    target = Path(path)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.partial{target.suffix}")
    try:
        try:
            yield temporary
            check_target(target, force)
            os.replace(temporary, target)
        except OSError as error:
            raise _problem("O02", f"{target} cannot be written: {error.strerror or error}", help="choose another folder with -o") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text_atomic(path: str | os.PathLike[str], text: str, force: bool) -> None:
    """Write UTF-8 text, whole or not at all. Raises `Problems` as `atomic_path` does."""
    with atomic_path(path, force) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_bytes_atomic(path: str | os.PathLike[str], content: bytes, force: bool) -> None:
    """Write bytes, whole or not at all. Raises `Problems` as `atomic_path` does."""
    with atomic_path(path, force) as temporary:
        temporary.write_bytes(content)


def null_device() -> int:
    """A descriptor that swallows what is written to it, for a standard output whose reader has gone."""
    return os.open(os.devnull, os.O_WRONLY)


def spendable_memory() -> int:
    """Bytes that pplang may use: 80% of what is free now, by the machine and by the control group that the process runs in."""
    return int(_PATIENCE * min(_free_on_machine(), _free_in_group()))


def too_large(name: str, limit: int) -> Problems:
    """I23: a file of more than `limit` bytes."""
    return _problem("I23", f"{name} is larger than {size_text(limit)}, the most that is read here", help="use a smaller file")


def size_text(size: float) -> str:
    """`3.2 GB`: a number of bytes for people."""
    units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.0f} {units[0]}" if size >= 10 or units[0] == "bytes" else f"{size:.1f} {units[0]}"


def _problem(code: str, title: str, *notes: str, help: str) -> Problems:
    return Problems([Diagnostic(code, title, notes=notes, help=help)])


def _unreadable(name: str, error: Exception) -> Problems:
    reason = getattr(error, "strerror", None) or str(error)
    return _problem("I22", f"{name} cannot be read: {reason}", help="check that it is a file that you may read")


def _neighbours(path: Path) -> tuple[str, ...]:
    """What the folder holds instead, when a name there is nearly the one asked for."""
    from difflib import get_close_matches

    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except (OSError, ValueError):
        return ()
    near = get_close_matches(path.name, names, n=1)
    return (f"did you mean {path.parent / near[0]}?",) if near else ()


def _free_on_machine() -> float:
    with suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as handle:
        for line in handle:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return 4e9


def _free_in_group() -> float:
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError), open(most, encoding="ascii") as limit, open(used, encoding="ascii") as usage:
            return max(0.0, float(limit.read()) - float(usage.read()))
    return float("inf")
