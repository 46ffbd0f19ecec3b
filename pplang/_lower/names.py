"""Python identifiers for the names of a model, and the imports of a generated module."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Iterable

from pplang._lower.code import Code, dotted

_ALIASES = {
    "numpy": "np",
    "numpyro": "numpyro",
    "numpyro.distributions": "dist",
    "jax.numpy": "jnp",
    "pplang._lower.support": "support",
    "pplang._lower.choice": "choice",
    "pplang._lower.runtime": "runtime",
    "pplang._lower.runtime.continuous": "continuous",
    "pplang._lower.runtime.discrete": "discrete",
    "pplang._lower.runtime.chains": "chains",
    "pplang._lower.runtime.lifetimes": "lifetimes",
    "pplang._lower.runtime.joint": "joint",
    "pplang._lower.runtime.special": "special",
    "pplang._lower.runtime.wrappers": "wrappers",
    "pplang._lower.runtime.bijections": "bijections",
    "pplang._lower.runtime.functions": "functions",
    "pplang._lower.runtime.recurrences": "recurrences",
    "pplang._lower.runtime.numeric": "numeric",
    "jax.nn": "jax_nn",
    "jax.ops": "jax_ops",
    "numpyro.distributions.constraints": "constraints",
    "jax.scipy.special": "jax_special",
    "scipy.special": "scipy_special",
}
_LOCAL = ("sets", "prepare", "model", "jax", "scipy", "pplang", "SETS")
_CALLERS = (
    "self", "rng_key", "args", "kwargs", "model_args", "model_kwargs", "extra_fields", "init_params", "num_steps", "progress_bar",
    "stable_update", "init_state", "svi_state", "param_map", "params", "particle", "guide", "infer_discrete", "batch_ndims",
)  # fmt: skip
"""Arguments of NumPyro's own functions, which pass a model's keyword arguments on beside them."""

RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_ALIASES.values(), *_LOCAL, *_CALLERS})
"""What a name of a model may never be called in generated code. Those that begin with an underscore belong to the generator."""


class Names:
    """One identifier for each name of a program, the name itself where Python allows it."""

    def __init__(self, source_names: Iterable[str]) -> None:
        wanted = {one: _identifier(one) for one in source_names}
        self._identifiers = {one: one for one, identifier in wanted.items() if identifier == one}
        taken = set(self._identifiers)
        for one, identifier in wanted.items():
            if one not in self._identifiers:
                while identifier in taken or identifier in RESERVED:
                    identifier += "_"
                taken.add(identifier)
                self._identifiers[one] = identifier
        self._taken = taken

    def __getitem__(self, source_name: str) -> str:
        return self._identifiers[source_name]

    def __contains__(self, source_name: str) -> bool:
        return source_name in self._identifiers

    def alias(self, source_name: str, wanted: str) -> None:
        """An identifier for what has no name that could be one."""
        self._identifiers[source_name] = self.add(wanted)

    def add(self, wanted: str) -> str:
        """A new name, made by the generator; its identifier is the name itself."""
        free = wanted
        count = 1
        while free in self._taken or free in self._identifiers or _identifier(free) != free:
            count += 1
            free = f"{_identifier(wanted)}_{count}"
        self._taken.add(free)
        self._identifiers[free] = free
        return free


def _identifier(source_name: str) -> str:
    """The name with everything that Python would not take replaced; the same name if nothing was."""
    safe = "".join(one if f"a{one}".isidentifier() else f"_u{ord(one):x}_" for one in source_name)
    if not safe.isidentifier() or safe.startswith("_"):
        safe = f"v{safe}"
    return f"{safe}_" if safe in RESERVED else safe


class Imports:
    """The modules that generated code uses, and how it calls what is in them."""

    def __init__(self) -> None:
        self._modules: dict[str, str] = {}

    def path(self, path: str) -> Code:
        """The code for a class or function given by its dotted path; its module is imported."""
        module, _, attribute = path.rpartition(".")
        return dotted(f"{self.module(module)}.{attribute}")

    def module(self, module: str) -> str:
        """The name under which a module is imported."""
        return self._modules.setdefault(module, _ALIASES.get(module) or "_" + module.removeprefix("pplang._lower.").replace(".", "_"))

    @property
    def ours(self) -> dict[str, str]:
        """The modules of pplang among them, by the name under which they are imported."""
        return {alias: module for module, alias in self._modules.items() if module.split(".")[0] == "pplang"}

    def statements(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        """Imports of those modules that `body` uses."""
        used = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
        return [
            ast.Import([ast.alias(module, None if alias == module else alias)])
            for module, alias in sorted(self._modules.items())
            if alias in used
        ]
