"""Inputs from JSON and npz files: plain values under names, or everything that is wrong with the file.

Nothing in a file runs: npz arrays that would need unpickling are refused, and the shape that an array claims is checked against what
the file holds before memory is taken.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from pplang import _files
from pplang._data.report import listing, problem

LARGEST = 64 * _files.MEGABYTE
DEEPEST = 100


class _Refused(ValueError):
    """Something in a JSON file that we do not accept."""

    def __init__(self, code: str, title: str, help: str) -> None:
        super().__init__(title)
        self.code, self.title, self.help = code, title, help


def read_inputs(path: str, arrays: frozenset[str]) -> dict[str, Any]:
    """The values in a .json or .npz file by name. `arrays`: names that the model declares with axes, which may be large in an npz file.

    Raises `Problems`: those of `read_text`, I02 not JSON, I03 a key twice, I04 not finite, I05 too deep, I06 not an object, I08 not npz.
    """
    if Path(path).suffix.lower() == ".npz":
        return _read_npz(path, arrays)
    return parse_json(_files.read_text(path, LARGEST), Path(path).name)


_INPUTS = 'write inputs by name, with one level of brackets for each axis: {"n": 3, "x": [1, 2, 3]}'


def parse_json(text: str, name: str, form: str = _INPUTS) -> dict[str, Any]:
    """The members of a JSON object; `form`: how one should look. Raises `Problems` (I02 to I06)."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        too_deep = _depth_exceeds(value, DEEPEST)
    except _Refused as error:
        raise problem(error.code, f"{error.title} in {name}", help=error.help) from None
    except json.JSONDecodeError as error:
        note = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise problem("I02", f"{name} is not JSON", note, help="mend it, or write it with a JSON library") from None
    except RecursionError:
        too_deep = True
    except ValueError:
        raise problem("I04", f"a number of thousands of digits in {name}", help="use numbers that a float64 holds") from None
    if too_deep:
        raise problem("I05", f"{name} is nested more than {DEEPEST} deep", help=form)
    if not isinstance(value, dict):
        raise problem("I06", f"{name} does not hold values by name", help=form)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        raise _Refused("I03", f"the key {listing(twice)} stands twice", "keep one of them")
    return found


def _constant(word: str) -> float:
    raise _Refused("I04", f"a number that is not finite ({word})", "use null for a missing value, and finite numbers elsewhere")


def _depth_exceeds(value: Any, limit: int) -> bool:
    layer = [value] if type(value) in (list, dict) else []
    for _ in range(limit):
        layer = [inner for one in layer for inner in (one.values() if type(one) is dict else one) if type(inner) in (list, dict)]
    return bool(layer)


def _read_npz(path: str, arrays: frozenset[str]) -> dict[str, Any]:
    name = Path(path).name
    with _files.open_binary(path) as handle:
        try:
            with zipfile.ZipFile(handle) as archive:
                return {Path(one.filename).stem: _array(archive, one, name, arrays) for one in archive.infolist()}
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, SyntaxError, ValueError) as error:
            note = str(error).split("\n")[0][:120]
            raise problem("I08", f"{name} is not an npz file that can be read", note, help="write it with numpy.savez") from None


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, arrays: frozenset[str]) -> np.ndarray:
    """One array. Its header is read first, so that a false claim of size costs nothing."""
    key = Path(entry.filename).stem
    limit = _files.spendable_memory() // 2 if key in arrays else LARGEST
    if entry.file_size > limit:
        title = f"{key} in {name} takes {_files.size_text(entry.file_size)}, more than the {_files.size_text(limit)} that are read here"
        raise problem("I23", title, help="use a smaller array")
    with archive.open(entry) as member:
        raw = member.read(entry.file_size + 1)
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(stream)
    if dtype.hasobject:
        help = "save numbers and strings as arrays of their own type: numpy.asarray(x, float)"
        raise problem("I07", f"{key} in {name} holds Python objects, which are not read", help=help)
    if prod(shape) * dtype.itemsize != len(raw) - stream.tell():
        raise ValueError(f"{key} claims the shape {shape} and holds another amount of data")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)
