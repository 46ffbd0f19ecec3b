"""pplang: a small language for statistical models, and the compiler that makes them fit well.

compile, compile_text → Model; Model.fit → Fit; Model.bind → Bound, which embeds in NumPyro and JAX; load reads a fit file. Faults of a
model or of data are raised as Problems, which hold Diagnostics.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pplang._diagnostics import Diagnostic, InternalError, Problems
from pplang._model import Bound, Model, compile, compile_text

if TYPE_CHECKING:
    from pplang._fit import Fit, Summary

__all__ = ["Bound", "Diagnostic", "Fit", "InternalError", "Model", "Problems", "Summary", "compile", "compile_text", "fit", "load"]


def fit(model: str | os.PathLike[str], *data: Any, **settings: Any) -> Fit:
    """Compile a model file and fit it: `compile(model).fit(*data, **settings)`, see `Model.fit`."""
    return compile(model).fit(*data, **settings)


def load(path: str | os.PathLike[str]) -> Fit:
    """Read a fit file. Nothing in it is executed. Raises `Problems`: I20-I22 it cannot be read, F30, F31 it is not a fit file of ours."""
    from pplang._fit import load

    return load(path)


def __getattr__(name: str) -> Any:
    # NumPy is behind these two, and checking a model does not need it.
    if name in ("Fit", "Summary"):
        from pplang import _fit

        return getattr(_fit, name)
    raise AttributeError(f"module 'pplang' has no attribute {name!r}")
