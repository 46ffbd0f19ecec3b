"""The settings of a fit, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from pplang._diagnostics import Diagnostic, Problems, shown

Progress = Callable[[int, int, str], None]
"""Called between compiled blocks with the work done, the work in all, and a remark."""

METHODS = ("auto", "vi", "nuts", "svi")
GUIDES = ("mean-field", "full-rank")
LARGEST_SEED = 2**32 - 1


def silent(done: int, total: int, remark: str) -> None:
    """No progress is shown."""
    del done, total, remark


@dataclass(frozen=True)
class Settings:
    """What a fit is asked to do.

    method: `vi`, `nuts`, `svi`, or `auto`: `vi`, and `nuts` where its verdict is poor. seed: from 0 to 2^32 - 1; the same seed, versions and
    machine give the same draws. draws: to keep, of each chain for NUTS and in all for the others. NUTS: chains; warmup, None for as long as the
    fit that it begins with asks for; target_accept; samples_to_ess, None or the effective draws of every number to go on for. SVI: guide, steps.
    VI: tol, how far the mean may still have to go at the end, in posterior standard deviations; max_gradients.
    """

    method: str = "auto"
    seed: int = 0
    draws: int = 1_000
    chains: int = 4
    warmup: int | None = None
    target_accept: float = 0.8
    guide: str = "mean-field"
    steps: int = 5_000
    tol: float = 0.02
    max_gradients: int = 100_000
    samples_to_ess: int | None = None

    def __post_init__(self) -> None:
        """Raises `Problems` with every setting that is out of range (I70 a word, I71 a number)."""
        faults = [*_words(self), *_numbers(self)]
        if faults:
            raise Problems(faults)

    def used(self) -> dict[str, Any]:
        """The settings that the method looks at, for the fit file."""
        names = {
            "svi": ("guide", "steps", "draws"),
            "vi": ("draws", "tol", "max_gradients"),
            "nuts": ("chains", "warmup", "draws", "target_accept", "samples_to_ess", "tol", "max_gradients"),
            "auto": ("draws", "tol", "max_gradients", "chains", "warmup", "target_accept", "samples_to_ess"),
        }[self.method]
        return {"method": self.method, "seed": self.seed, **{name: asdict(self)[name] for name in names}}


def _words(settings: Settings) -> Iterator[Diagnostic]:
    for name, value, choices in (("method", settings.method, METHODS), ("guide", settings.guide, GUIDES)):
        if value not in choices:
            near = get_close_matches(str(value), choices, n=1)
            remark = f"did you mean `{near[0]}`?" if near else f"choose one of {', '.join(choices)}"
            yield Diagnostic("I70", f"there is no {name} `{shown(value)}`", help=remark)


def _numbers(settings: Settings) -> Iterator[Diagnostic]:
    for name, least in (("draws", 1), ("chains", 1), ("warmup", 0), ("steps", 1), ("max_gradients", 1), ("seed", 0), ("samples_to_ess", 1)):
        value = getattr(settings, name)
        if value is None and name in ("warmup", "samples_to_ess"):
            continue
        most = LARGEST_SEED if name == "seed" else 10**8
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            yield Diagnostic("I71", f"{name} is {shown(value)}", help=f"give a whole number from {least} to {most}")
    for name, example in (("target_accept", 0.9), ("tol", 0.02)):
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
            yield Diagnostic("I71", f"{name} is {shown(value)}", help=f"give a number between 0 and 1, such as {example}")
