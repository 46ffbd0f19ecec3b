"""The plan in sentences: for each site what was done, why, and, once there is a fit, by what numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pplang._diagnostics import shown
from pplang._passes.exchangeable import exchangeable, told
from pplang._passes.plan import Choice, Compiled
from pplang._records import dataclass

if TYPE_CHECKING:
    from pplang._explain.evidence import Evidence

PHRASES = {
    ("split_missing", "split"): "split into the cells that are known and those that are empty",
    ("approximate", "expand"): "a sum of basis functions",
    ("elements", "take out"): "drawn apart from the members that are fixed or have a bound of their own",
    ("forward", "after"): "left until after the inference, once per posterior draw",
    ("orthogonalize", "orthogonalize"): "its coefficients in coordinates of orthogonal columns",
    ("orthogonalize", "leave"): "its coefficients in their own coordinates",
    ("collapse", "collapse"): "its rows as statistics",
    ("collapse", "count"): "its different rows, each counted once",
    ("collapse", "leave"): "row by row",
    ("expand_mixtures", "expand"): "normal, with a variance drawn for each element",
    ("integrate", "integrate"): "integrated out, and drawn back afterwards",
    ("center", "center"): "as written (centred)",
    ("center", "noncenter"): "non-centred",
    ("center", "partial"): "between centred and non-centred, c = {c:g}",
    ("center", "transport"): "between centred and non-centred",
    ("center", "block"): "between centred and non-centred",
    ("center", "factor"): "between centred and non-centred",
    ("whiten", "noncenter"): "non-centred",
    ("whiten", "dense"): "between centred and non-centred",
    ("whiten", "diagonal"): "between centred and non-centred",
    ("innovate", "center"): "as written (centred)",
    ("innovate", "noncenter"): "drawn by its innovations",
    ("innovate", "transport"): "between its values and its innovations",
    ("unconstrain", "log"): "moved as its logarithm",
    ("unconstrain", "logit"): "moved on the logit scale",
    ("unconstrain", "lower"): "moved as the logarithm of its distance from the bound",
    ("unconstrain", "upper"): "moved as the logarithm of its distance from the bound",
    ("unconstrain", "interval"): "moved on the logit scale of its interval",
    ("unconstrain", "simplex"): "moved by stick-breaking",
    ("unconstrain", "ordered"): "moved as its first value and the logarithms of its steps",
    ("unconstrain", "positive_ordered"): "moved as the logarithms of its first value and its steps",
    ("unconstrain", "correlation"): "moved as free partial correlations",
    ("unconstrain", "covariance"): "moved as the numbers of its Cholesky factor, the diagonal as logarithms",
    ("unconstrain", "corr_cholesky"): "moved as free partial correlations",
    ("unconstrain", "sum_to_zero"): "moved in an orthonormal basis",
}
"""What an action is called in a sentence; one that is not listed goes by its own name."""


_BY_ELEMENT = ("transport", "block", "factor", "dense", "diagonal")


@dataclass(frozen=True)
class Sentence:
    """One choice of a pass. phrase: what was done; evidence: in words, "" without a fit; sets: that the site is over."""

    stage: str
    choice: Choice
    phrase: str
    sets: tuple[str, ...]
    evidence: str = ""

    def __str__(self) -> str:
        per = f", per {' and '.join(self.sets)}" if self.sets and self.choice.action in _BY_ELEMENT else ""
        return f"{shown(self.choice.site)}: {self.phrase}{per}{': ' + self.evidence if self.evidence else ''}; {shown(self.choice.reason)}"


@dataclass(frozen=True)
class Explanation:
    """The plan of a model in sentences. remarks: on the data, and on what the engine does with them. labels: on components that can change places."""

    stages: tuple[tuple[str, tuple[Sentence, ...]], ...]
    remarks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def text(self) -> str:
        """As comments of the language, so that with the program after it the whole is a valid model."""
        lines = ["# the data", *(f"#   {one}" for one in self.remarks)] if self.remarks else []
        lines += ["# labels", *(f"#   {one}" for one in self.labels)] if self.labels else []
        for name, sentences in self.stages:
            lines += [f"# {name}", *(f"#   {one}" for one in sentences)] if sentences else []
        idle = [name for name, sentences in self.stages if not sentences]
        lines += [f"# nothing to do: {', '.join(idle)}"] if idle else []
        return "\n".join([*lines, ""])

    def to_json(self) -> dict[str, Any]:
        """By pass and site."""
        return {name: {one.choice.site: str(one) for one in sentences} for name, sentences in self.stages}


def explanation(compiled: Compiled, remarks: tuple[str, ...] = (), evidence: Mapping[str, Evidence] | None = None) -> Explanation:
    """The explanation of a compiled program; `evidence`: of sites in transported coordinates, from a fit."""
    found = []
    before = compiled.source
    for stage in compiled.stages:
        sites = before.site
        sentences = []
        for choice in stage.choices:
            sets = sites[choice.site].sets if choice.site in sites else ()
            known = evidence.get(choice.site) if evidence and choice.action in _BY_ELEMENT else None
            phrase = PHRASES.get((stage.name, choice.action), choice.action).format(**dict(choice.numbers))
            sentences.append(Sentence(stage.name, choice, phrase, sets, known.sentence() if known else ""))
        found.append((stage.name, tuple(sentences)))
        before = stage.program
    labels = tuple("; ".join(filter(None, told(compiled.source, name))) for name in exchangeable(compiled.source))
    return Explanation(tuple(found), remarks, labels)
