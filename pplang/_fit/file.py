"""The fit file: netCDF in ArviZ's groups, written and read without xarray (which takes longer to import than many a fit takes).

A fit file is data. Nothing in it is executed, and nothing named in it is opened: links to other files, which HDF5 allows, are refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pplang import _files
from pplang._diagnostics import Diagnostic, Problems

OWN_GROUP = "pplang"
"""The group of our own texts: model source, plan, schema, settings, versions. Variables, since HDF5 limits attributes to 64 kB."""


@dataclass(frozen=True)
class Variable:
    """An array and the names of its axes."""

    dims: tuple[str, ...]
    values: np.ndarray


Groups = Mapping[str, Mapping[str, Variable]]


@dataclass(frozen=True)
class Content:
    """groups: variables by group and name. coords: labels of the axes, by dimension. texts: our own. attributes: of the whole file."""

    groups: Groups
    coords: Mapping[str, np.ndarray]
    texts: Mapping[str, str]
    attributes: Mapping[str, str]


def write(path: str | os.PathLike[str], content: Content, force: bool) -> None:
    """Write the file whole or not at all. Raises `Problems` (O01, O02)."""
    import h5netcdf

    with _files.atomic_path(path, force) as temporary, h5netcdf.File(temporary, "w") as file:
        file.attrs.update(content.attributes)
        for name, variables in content.groups.items():
            _write_group(file.create_group(name), variables, content.coords)
        own = file.create_group(OWN_GROUP)
        for name, text in content.texts.items():
            _write_variable(own, name, Variable((), np.array(text, dtype=object)))


def _write_group(group: Any, variables: Mapping[str, Variable], coords: Mapping[str, np.ndarray]) -> None:
    sizes = {dim: size for variable in variables.values() for dim, size in zip(variable.dims, variable.values.shape, strict=True)}
    group.dimensions = sizes
    for dim in sizes:
        if dim in coords:
            _write_variable(group, dim, Variable((dim,), coords[dim]))
    for name, variable in variables.items():
        _write_variable(group, name, variable)


def _write_variable(group: Any, name: str, variable: Variable) -> None:
    import h5py

    values = variable.values
    if values.dtype == bool:  # as xarray writes and reads them: netCDF has no booleans
        group.create_variable(name, variable.dims, data=values.astype(np.int8)).attrs["dtype"] = "bool"
    elif values.dtype.kind in "OU":
        group.create_variable(name, variable.dims, h5py.string_dtype(), data=values.astype(object))
    else:
        group.create_variable(name, variable.dims, data=values)


def read(path: str | os.PathLike[str]) -> Content:
    """The content of a fit file. Raises `Problems`: I20-I22 it cannot be opened, F30 it is no fit file or is damaged, F31 it has links."""
    import h5py

    with _files.open_binary(path) as handle:
        try:
            with h5py.File(handle, "r") as file:
                _refuse_links(file, os.fspath(path))
                return _content(file)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise not_a_fit(path, str(error)) from None


def not_a_fit(path: str | os.PathLike[str], reason: str = "") -> Problems:
    notes = (reason.splitlines()[0],) if reason else ()
    title = f"{os.fspath(path)} is not a fit file, or it is damaged"
    return Problems([Diagnostic("F30", title, notes=notes, help="give a file that `pplang fit` wrote")])


def _refuse_links(file: Any, name: str) -> None:
    """Two levels, groups and arrays in them, whose numbers stand in this very file and fit into memory."""
    import h5py

    most = _files.spendable_memory()
    for group_name in file:
        group = _linked(file, group_name, h5py.Group, name)
        for key in group:
            item = _linked(group, key, h5py.Dataset, name)
            if item.is_virtual or item.external:
                raise _with_links(name)
            if item.nbytes > most:
                raise ValueError(f"{key} claims to hold {_files.size_text(item.nbytes)}")


def _linked(group: Any, key: str, kind: type, name: str) -> Any:
    """A member of a group, which must be of this kind and in this very file. Looking at a link does not open what it leads to."""
    import h5py

    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise _with_links(name)
    item = group[key]
    if not isinstance(item, kind):
        raise ValueError(f"{key} is not a {kind.__name__.lower()}")
    return item


def _with_links(name: str) -> Problems:
    title = f"{name} refers to other files, and a fit file holds everything itself"
    return Problems([Diagnostic("F31", title, help="use the file that `pplang fit` wrote")])


def _content(file: Any) -> Content:
    """HDF5 groups → records. The names of a variable's axes stand in the dimension scales that netCDF attaches to it."""
    texts = {name: _text(item[()]) for name, item in file[OWN_GROUP].items()}
    groups: dict[str, dict[str, Variable]] = {}
    coords: dict[str, np.ndarray] = {}
    for group_name, group in file.items():
        if group_name == OWN_GROUP:
            continue
        groups[group_name] = {}
        for name, item in group.items():
            if item.is_scale:
                if not item.attrs.get("NAME", b"").startswith(b"This is a netCDF dimension but not a netCDF variable"):
                    coords[name] = _values(item)
            else:
                dims = tuple(dim[0].name.rsplit("/", 1)[1] for dim in item.dims)
                groups[group_name][name] = Variable(dims, _values(item))
    attributes = {name: _text(value) for name, value in file.attrs.items() if isinstance(value, (str, bytes))}
    return Content(groups, coords, texts, attributes)


def _values(item: Any) -> np.ndarray:
    import h5py

    if h5py.check_string_dtype(item.dtype):
        return np.asarray(item.asstr()[()])
    values = np.asarray(item[()])
    return values.astype(bool) if _text(item.attrs.get("dtype", "")) == "bool" else values


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
