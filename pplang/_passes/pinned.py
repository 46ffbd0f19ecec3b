"""Choices that a plan fixes, in the place of those that a pass would make.

`center` and `whiten` leave a choice: the form of each location-scale latent, and of each joint normal one. Of every other pass a plan can only
repeat what the pass does anyway; an entry for a site that it has nothing to do with any more, because the plan moved that site in another way,
is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pplang._diagnostics import Diagnostic, Problems, shown
from pplang._ir import expression as ire
from pplang._ir.program import Program, Site
from pplang._passes import blocks, center, innovate, orthogonalize, whiten
from pplang._passes.plan import Choice, Pins

FORMS = ("center", "noncenter", "partial", "transport", "block", "factor")
"""What a plan can choose for a site of `center`."""
VECTOR_FORMS = ("noncenter", "dense", "diagonal")
"""The same for `whiten`; a vector that `center` is told to leave alone is centred."""


def check_names(programs: Sequence[Program], pins: Pins, passes: tuple[str, ...]) -> None:
    """Raise `Problems` (I82) with every pass, and every site of a pass, that there is not. `programs`: the source, and what each pass made."""
    known = {name for one in programs for name in (*one.site, *one.param)}
    faults = [_unknown("pass", name, passes) for name in pins if name not in passes]
    wrong = dict.fromkeys(choice.site for choices in pins.values() for choice in choices if choice.site not in known)
    faults += [_unknown("site", name, tuple(programs[0].site)) for name in wrong]
    if faults:
        raise Problems(faults)


def fixed(program: Program, wanted: tuple[Choice, ...]) -> dict[str, Choice]:
    """The choices of a plan for `center`, by site. Raises `Problems` (I83) with every one that cannot be."""
    own = [choice for transported in (False, True) for choice in center.decide(program, transported=transported)]
    kept = [replace(choice, reason=_reason(choice, own)) for choice in wanted if choice.site in program.site]
    faults = [fault for fault in (_fault(program, choice) for choice in kept) if fault is not None] or _groups(program, kept)
    if faults:
        raise Problems(faults)
    return {choice.site: choice for choice in kept}


def fixed_vectors(program: Program, wanted: tuple[Choice, ...]) -> dict[str, Choice]:
    """The choices of a plan for `whiten`, by site. Raises `Problems` (I83) with every one that cannot be."""
    own = [choice for transported in (False, True) for choice in whiten.decide(program, transported=transported)]
    kept = [replace(choice, reason=_reason(choice, own)) for choice in wanted if _is_open(program, choice.site)]
    faults = []
    for choice in kept:
        if choice.action not in VECTOR_FORMS:
            faults.append(_refused(whiten.NAME, choice, "there is no such form", f"the forms are {', '.join(VECTOR_FORMS)}"))
        elif not whiten.movable(program.site[choice.site]):
            faults.append(_refused(whiten.NAME, choice, "it is no joint normal latent", "leave the entry out"))
    if faults:
        raise Problems(faults)
    return {choice.site: choice for choice in kept}


def _is_open(program: Program, name: str) -> bool:
    """Is it still drawn as it was, and not to be left as it is?"""
    site = program.site.get(name)
    return site is not None and site.role == "latent" and all(note.name != "centered" for note in site.notes)


def chains(program: Program, wanted: tuple[Choice, ...]) -> dict[str, str]:
    """The actions of a plan for `innovate`, by site. Raises `Problems` (I83) with every one that cannot be."""
    own: dict[str, set[str]] = {}
    for choice in (one for transported in (False, True) for one in innovate.decide(program, transported=transported)):
        forms = {choice.action} if choice.reason.startswith("asked for by") else {choice.action, "center"}
        own[choice.site] = own.get(choice.site, set()) | forms
    faults = [
        _refused(innovate.NAME, one, f"its forms are {', '.join(sorted(own[one.site]))}", "")
        for one in wanted
        if one.action not in own.get(one.site, {one.action})
    ]
    if faults:
        raise Problems(faults)
    return {one.site: one.action for one in wanted}


def check_designs(program: Program, found: tuple[Choice, ...], wanted: tuple[Choice, ...]) -> None:
    """Raise `Problems` (I83) where a plan asks `orthogonalize` for a design that there is not."""
    known = {choice.site for choice in found}
    idle = [one for one in wanted if one.action == "orthogonalize" and one.site in program.site and one.site not in known]
    if idle:
        why = "it has no two coefficients with known priors and without annotations in a linear predictor"
        raise Problems([_refused(orthogonalize.NAME, one, why, "leave the entry out, or the annotation") for one in idle])


def check_same(name: str, found: tuple[Choice, ...], wanted: tuple[Choice, ...]) -> None:
    """Raise `Problems` (I83) where a plan asks for something else than a pass does that leaves no choice."""
    own = {choice.site: choice.action for choice in found}
    different = [choice for choice in wanted if own.get(choice.site, choice.action) != choice.action]
    if different:
        raise Problems([_refused(name, one, f"`{name}` does `{own[one.site]}` with it, and leaves no choice", "") for one in different])


def _groups(program: Program, wanted: list[Choice]) -> list[Diagnostic]:
    """Blocks whose members cannot move together."""
    members: dict[float, list[str]] = {}
    for choice in wanted:
        if choice.action == "block":
            members.setdefault(dict(choice.numbers)["block"], []).append(choice.site)
    return [
        _refused(
            center.NAME,
            Choice(names[0], "block", ""),
            f"{' and '.join(names)} cannot move as one block",
            "a block is made of two to eight normal effects over one plate that meet in a child",
        )
        for names in members.values()
        if [set(one) for one in blocks.groups(program, tuple(names))] != [set(names)]
    ]


def _fault(program: Program, choice: Choice) -> Diagnostic | None:
    """Why a site cannot have the form that a plan asks for."""
    site, numbers = program.site[choice.site], dict(choice.numbers)
    if choice.action not in FORMS:
        return _refused(center.NAME, choice, "there is no such form", f"the forms are {', '.join(FORMS)}")
    if site.role != "latent" or site.level != "model":
        return _refused(center.NAME, choice, "it is not a latent of the inference", "leave the entry out")
    asked = _asked(site)
    if asked is not None and (asked.action, asked.numbers) != (choice.action, choice.numbers):
        return _refused(
            center.NAME, choice, f"the model has {asked.reason.removeprefix('asked for by ')}", "change the annotation or the plan"
        )
    if choice.action != "center" and not center.movable(program, site):
        return _refused(center.NAME, choice, "it has no location and scale to move it by", "leave the entry out")
    if choice.action == "partial" and not 0 <= numbers.get("c", -1) <= 1:
        return _refused(center.NAME, choice, "the number c is not between 0 and 1", 'write "numbers": {"c": 0.5}')
    if choice.action == "factor" and not (blocks.is_effect(site) and "order" in numbers):
        why = "it is no normal effect over one plate" if "order" in numbers else "its place among the factors is missing"
        return _refused(center.NAME, choice, why, 'a factor is crossed with a larger effect: "numbers": {"order": 0}')
    if choice.action == "block" and "block" not in numbers:
        return _refused(center.NAME, choice, "the number of its block is missing", 'write "numbers": {"block": 0}')
    return None


def _asked(site: Site) -> Choice | None:
    """What an annotation of the user's asks for."""
    for note in site.notes:
        if note.name == "partial" and isinstance(note.arguments[0], ire.Number):
            weight = note.arguments[0].value
            return Choice(site.name, "partial", f"asked for by @partial({weight})", (("c", float(weight)),))
        if note.name in ("centered", "noncentered") and site.origin is None:
            return Choice(site.name, "center" if note.name == "centered" else "noncenter", f"asked for by @{note.name}")
    return None


def _reason(choice: Choice, own: list[Choice]) -> str:
    """That of the compiler, where it would choose the same."""
    same = (one.reason for one in own if (one.site, one.action, one.numbers) == (choice.site, choice.action, choice.numbers))
    return next(same, "fixed by the plan")


def _unknown(what: str, name: str, known: tuple[str, ...]) -> Diagnostic:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    help = f"did you mean `{near[0]}`?" if near else f"leave it out; there are {', '.join(known)}"
    return Diagnostic("I82", f"the plan names a {what} that the model does not have: `{shown(name)}`", help=help)


def _refused(name: str, choice: Choice, why: str, help: str) -> Diagnostic:
    title = f"the plan asks `{name}` to do `{shown(choice.action)}` with `{shown(choice.site)}`, which cannot be"
    return Diagnostic("I83", title, notes=(why,), help=help or "leave the entry out")
