"""Which programs can be fitted so far: one diagnostic for the first construct that cannot."""

from __future__ import annotations

from collections.abc import Iterator

from pplang._check.graph import mentions
from pplang._check.recurrences import Unsteppable, groups
from pplang._diagnostics import Diagnostic
from pplang._ir.kinds import Interval
from pplang._ir.program import Program, Site
from pplang._passes import approximate, chains, integrate, marginalize, restricted, split_missing
from pplang._passes.states import is_discrete_latent
from pplang._passes.unconstrain import OF_STRUCTURE
from pplang._passes.whiten import is_joint_normal
from pplang._source import Span

_UNUSED_NOTES = ("minibatch", "relax", "score", "straight_through", "init", "enumerate")
"""Annotations that nothing obeys yet: better refused than silently without effect."""


def unsupported(program: Program) -> Diagnostic | None:
    """What stands in the way of fitting the program, or None. The model is right; this version cannot fit it yet."""
    program = split_missing.apply(program, split_missing.decide(program)).program
    found = sorted(_constructs(program), key=lambda one: one[1])
    if not found:
        refused = (approximate.refusal(program, site) for site in program.sites if approximate.has_basis(site))
        return next((one for one in refused if one is not None), None) or marginalize.obstacle(program)
    name, span, hint = found[0]
    return Diagnostic("F01", f"{name} cannot be fitted yet", span, "the model is fine: it can be checked, formatted and printed", help=hint)


def _constructs(program: Program) -> Iterator[tuple[str, Span, str]]:
    for net in program.nets:
        yield f"the net `{net.name}`", net.span, ""
    if program.guide is not None:
        for site in program.guide.sites:
            yield "a user's own guide", site.span, "leave out the guide: the automatic one is used"
    if program.reward is not None:
        yield "`maximize`", program.reward.span, ""
    for one in program.restrictions:
        reason = restricted.refusal(program, one)
        if reason is not None:
            yield reason, one.span, "use a distribution with bounds: Truncated(d, lower = ...), Ordered(d), Flat(lower = ...)"
    for table in program.tables:
        for note in table.notes:
            yield f"`@{note.name}`", note.span, "leave it out: all rows are used"
    for site in program.sites:
        yield from _of_site(program, site)
    yield from _paths(program)
    for site in integrate.asked(program):
        why = integrate.refusal(program, site)
        if why is not None:
            note = next(note for note in site.notes if note.name == integrate.NOTE)
            yield f"`@integrate` before `{site.name}`", note.span, f"leave it out: {why}"
    for group in groups(program):
        roles = {program.site[name].role for name in group.sites} if isinstance(group, Unsteppable) else set[str]()
        if isinstance(group, Unsteppable) and roles - {"observed"} and "split" not in roles:
            (first, *others) = sorted((program.site[name] for name in group.sites), key=lambda site: site.span)
            along = f"`{first.name}`" if not others else f"`{first.name}` together with {', '.join(f'`{one.name}`' for one in others)}"
            yield f"a recurrence that does not go along one axis ({along})", first.span, "look back along one ordered set only"


def _paths(program: Program) -> Iterator[tuple[str, Span, str]]:
    """`@viterbi` where there is no chain of discrete states. What cannot be summed out at all is told by `marginalize`."""
    asked = {site: note for site in program.sites for note in site.notes if note.name == chains.VITERBI}
    choices = marginalize.decide(program) if asked else ()
    for site, note in asked.items():
        if not is_discrete_latent(site) or any(choice.site == site.name and choice.action != "chain" for choice in choices):
            yield f"`@viterbi` before `{site.name}`", note.span, "leave it out: only discrete states that follow one another have a path"


def _follows_itself(program: Program, site: Site) -> bool:
    """Does it look back at latents? Such a chain moves by its innovations, which have no power in between."""
    latents = {one.name for one in program.sites if one.role == "latent"}
    return any(edge.lagged and edge.parent in latents for edge in mentions(site.right))


def _of_site(program: Program, site: Site) -> Iterator[tuple[str, Span, str]]:
    for note in site.notes:
        wrong = {"whiten": not is_joint_normal(site), "partial": is_joint_normal(site) or _follows_itself(program, site)}
        unused = note.name in _UNUSED_NOTES or wrong.get(note.name, False)
        if unused and not (note.name == "enumerate" and is_discrete_latent(site)):
            yield f"`@{note.name}`", note.span, "leave it out"
    if site.role == "split":
        yield split_missing.refusal(program, site) or site.name, site.span, "drop those rows, and write the type without `?`"
    if site.role == "latent" and site.level == "model":
        yield from _of_latent(site)


def _of_latent(site: Site) -> Iterator[tuple[str, Span, str]]:
    kind = site.kind
    if is_discrete_latent(site):
        return
    if site.structure is not None and site.structure not in OF_STRUCTURE:
        word = site.structure.replace("_", " ")
        yield (
            f"a latent {word} (`{site.name}`)",
            site.span,
            "use independent effects, or LKJCholesky for the factor" if site.structure == "correlation" else "",
        )
    elif site.weight is not None and (isinstance(kind, Interval) and kind != Interval()):
        yield f"`weighted` on the bounded latent `{site.name}`", site.span, "weight the observed relation"
