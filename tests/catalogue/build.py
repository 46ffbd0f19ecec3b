"""Builds the implementation of a catalogue entry from our argument names, as lowering does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from typing import Any

import jax.numpy as jnp
import numpy as np

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument, DistributionEntry, Form


def resolve(path: str) -> Any:
    """The object at a dotted path."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[cut:], found)
    raise LookupError(path)


def form_for(entry: DistributionEntry, names: set[str]) -> Form:
    """The form that takes these arguments."""
    for form in entry.forms:
        needed = {one.name for one in form.arguments if one.default is None}
        if needed <= names <= {one.name for one in form.arguments}:
            return form
    raise LookupError(f"{entry.name} with {names}")


def build(name: str, arguments: Mapping[str, Any], size: int | None = None) -> Any:
    """The NumPyro distribution. `size`: of every index set of the event."""
    entry = DISTRIBUTIONS[name]
    form = form_for(entry, set(arguments))
    sizes = {keyword: size for _, keyword in form.sizes}
    given = {
        keyword: _argument(one, arguments[one.name], size)
        for one, (_, keyword) in zip(form.arguments, form.keywords, strict=True)
        if one.name in arguments
    }
    return resolve(form.numpyro)(**given, **sizes)


def bijection(name: str, *arguments: Any) -> Any:
    """The NumPyro transform, free → constrained."""
    entry = BIJECTIONS[name]
    return resolve(entry.numpyro)(**dict(zip(entry.arguments, arguments, strict=True)))


def _argument(argument: Argument, value: Any, size: int | None) -> Any:
    if argument.role == "distribution":
        return build(*value)
    if argument.role == "bijection":
        return bijection(*value)
    if argument.number_allowed and np.ndim(value) == 0:
        return jnp.broadcast_to(jnp.asarray(value), (size,))
    return value
