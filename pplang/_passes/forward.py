"""forward: relations on which nothing observed depends leave the inference program; they are drawn or computed once per posterior draw.

After it: every site left has an observed descendant (or a factor), or the program observes nothing.
"""

from __future__ import annotations

from pplang._ir.program import Program
from pplang._passes.plan import Choice, Rewrite

NAME = "forward"


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each generated site."""
    return tuple(
        Choice(
            site.name,
            "after",
            "nothing observed depends on it",
        )
        for site in program.sites
        if site.level == "generated"
    )


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """The program without those sites."""
    later = {choice.site for choice in choices}
    return Rewrite(program.with_sites(tuple(site for site in program.sites if site.name not in later)))
