"""approximate: a Gaussian process on a basis is written as the sum of basis functions that it is (Hilbert-space approximation).

`f[Bin] ~ GP(m, cov = K, basis = 30)` with K[i, j] = height^2 * exp(-(x[i] - x[j])^2 / (2 * length^2)) becomes

    f_wave[i in Bin, m in F_basis] = sin(f_frequency[m] * f_inside[i]) / sqrt(f_reach)
    f_scale[m in F_basis]          = sqrt(S(f_frequency[m]))
    f_weight[F_basis]              ~ MultiNormal(0, cholesky = diagonal(f_scale))
    f[i in Bin]                    = m + sum(f_wave[i, m] * f_weight[m] for m in F_basis)

with f_inside[i] how far x[i] is from an end of the basis, f_reach = boundary * half the range of x, f_frequency[m] = m pi / (2 f_reach), and S the
spectral density of the kernel (Solin and Sarkka 2020, "Hilbert space methods for reduced-rank Gaussian process regression", equations 20 and 24). The
functions are data: they are computed once, and a gradient costs rows times functions. Several inputs have the products of their functions. That is what
the relation means: what the process is on a basis, the compiler does not choose. The weights are a vector of latents like others, which `whiten` moves.

How far the covariance is from the kernel, with the hyperparameters of each draw, is reported as `f_error`; how many functions and what boundary would
do for them as `f_enough_basis` and `f_enough_boundary` (Riutort-Mayol et al. 2022). After it: no process has a basis.
"""

from __future__ import annotations

from collections.abc import Mapping

from pplang._check.graph import edges, mentions
from pplang._check.retype import environment_of, retype
from pplang._check.types import Typer
from pplang._diagnostics import Diagnostic
from pplang._ir import expression as ire
from pplang._ir.kinds import NONNEGATIVE, Interval
from pplang._ir.program import NumberRange, Program, Site
from pplang._ir.substitute import substitute
from pplang._passes.kernels import Covariance, recognised
from pplang._passes.plan import Choice, Rewrite
from pplang._passes.polynomials import UnreadableError
from pplang._passes.waves import Process, Waves

NAME = "approximate"
LARGEST = 2_000
"""Basis functions of a process, at most."""


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each process on a basis."""
    return tuple(_choice(program, site) for site in program.sites if has_basis(site) and refusal(program, site) is None)


def _choice(program: Program, site: Site) -> Choice:
    process = _process(program, site)
    families = " and ".join(dict.fromkeys(one.family.name for one in process.covariance.kernels))
    count, inputs = process.count, process.covariance.inputs
    each = "" if len(inputs.coordinates) == 1 and inputs.over is None else " for each of its inputs"
    reason = f"asked for by `basis`: on {count} functions{each}, with the spectral density of the kernel ({families})"
    return Choice(site.name, "expand", reason, (("basis", float(count)), ("boundary", process.boundary)))


def has_basis(site: Site) -> bool:
    return isinstance(site.right, ire.Distribution) and site.right.name == "GP" and site.right.argument("basis") is not None


def refusal(program: Program, site: Site) -> Diagnostic | None:
    """Why a process on a basis has no such form: F32 its kernel, F33 what is observed, F34 the number of functions."""
    assert isinstance(site.right, ire.Distribution)
    span = site.right.span
    if site.role != "latent" or site.weight is not None:
        what = "weighted" if site.role == "latent" else "observed"
        help = "draw it, and let a relation of its own say what is observed of it: y[i] ~ Normal(f[i], noise)"
        return Diagnostic(
            "F33", f"a process on a basis that is {what} (`{site.name}`)", span, "a sum of a few functions has no density", help=help
        )
    if not all(isinstance(site.right.argument(name), ire.Number | None) for name in ("basis", "boundary")):
        return Diagnostic(
            "F34", "the basis of a process is given by numbers", span, "these are read before the data", help="write the number: basis = 30"
        )
    try:
        process = _process(program, site)
    except UnreadableError:
        cov = site.right.argument("cov")
        at = cov.span if cov is not None else span
        return Diagnostic("F32", f"the kernel of `{site.name}` has no basis", at, "not a squared exponential, a Matern kernel or a sum of them, of distances between data",
                          notes=("noise (`if i == j then ...`) and constants are relations of their own",), help="leave out `basis`: the process is then exact")  # fmt: skip
    total = process.least_total
    if total > LARGEST:
        dimensions = len(process.covariance.inputs.coordinates)
        most = int(LARGEST ** (1 / dimensions) + 1e-9)
        told = f"{process.count}" if dimensions == 1 else f"{process.count}^{dimensions} = {total:,}"
        return Diagnostic("F34", f"{told} basis functions for `{site.name}`", span, f"{LARGEST:,} are the most", help=f"write basis = {most}, or leave it out: the process is then exact")  # fmt: skip
    return None


def too_many(program: Program, sizes: Mapping[str, int]) -> Diagnostic | None:
    """F34 where only the data tell how many inputs there are."""
    for site in program.sites:
        if has_basis(site) and refusal(program, site) is None:
            process = _process(program, site)
            over = process.covariance.inputs.over
            if over is not None and process.count ** sizes[over.set] > LARGEST:
                title = f"{process.count}^{sizes[over.set]} basis functions for `{site.name}`: {over.set} has {sizes[over.set]} members"
                return Diagnostic("F34", title, site.right.span, f"{LARGEST:,} are the most", help="write a smaller basis, or leave it out: the process is then exact")  # fmt: skip
    return None


def with_basis(program: Program, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes of index sets, those that this pass has made included."""
    found = dict(sizes)
    for one in program.sets:
        match one.members:
            case NumberRange(ire.Number(), ire.Number(last)) if one.name not in found:
                found[one.name] = int(last)
            case NumberRange(ire.Number(), ire.Call("round", (ire.Power(ire.Number(count), ire.Size(over)),))) if one.name not in found:
                found[one.name] = int(count) ** sizes[over]
    return found


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Each of them as a sum of functions."""
    for choice in choices:
        site = program.site[choice.site]
        waves = Waves(program, _process(program, site))
        kept = [one for one in program.sites if one.name != site.name]
        program = program.with_sites((*kept, *waves.sites()), sets=(*program.sets, *waves.sets()))
        program = _without_unused(program, site)
    return Rewrite(retype(program) if choices else program)


def _process(program: Program, site: Site) -> Process:
    """What a site says. Raises UnreadableError."""
    assert isinstance(site.right, ire.Distribution)
    count, boundary = site.right.argument("basis"), site.right.argument("boundary")
    assert isinstance(count, ire.Number)
    width = boundary.value if isinstance(boundary, ire.Number) else 1.5
    return Process(site, int(count.value), float(width), _covariance(program, site))


def _covariance(program: Program, site: Site) -> Covariance:
    assert isinstance(site.right, ire.Distribution)
    cov, (event,) = site.right.argument("cov"), site.event
    if not isinstance(cov, ire.Reference) or cov.name not in program.site:
        raise UnreadableError
    table = program.site[cov.name]
    plates, pair = table.axes[:-2], table.axes[-2:]
    letters = [axis.variable for axis in pair]
    if table.role != "deterministic" or table.starting is not None or len(cov.indices) != len(plates) or None in letters:
        raise UnreadableError
    first, second = (letter or "" for letter in letters)
    values = {axis.variable or "": index for axis, index in zip(plates, cov.indices, strict=True)}
    own = {axis.variable for axis in site.axes}
    if own & {first, second} or any(axis.set != event for axis in pair):
        raise UnreadableError
    right = _opened(program, substitute(table.right, values), first, second)
    variables = {axis.variable: axis.set for axis in site.plates if axis.variable} | {first: event, second: event}
    binders = {one.variable: one.set for node in ire.walk(right) for one in getattr(node, "binders", ())}
    typer = Typer(environment_of(program), {**variables, **binders})

    def nonnegative(node: ire.Expression) -> bool:
        kind = typer.type_of(node).kind
        return isinstance(kind, Interval) and kind.within(NONNEGATIVE)

    found = recognised(right, first, second, nonnegative)
    if not all(typer.type_of(one).data for one in found.inputs.coordinates):
        raise UnreadableError
    return found


def _opened(program: Program, node: ire.Expression, first: str, second: str) -> ire.Expression:
    """The expression with the definitions of other tables over both members put in."""

    def change(one: ire.Expression) -> ire.Expression:
        table = program.site.get(one.name) if isinstance(one, ire.Reference) else None
        if not isinstance(one, ire.Reference) or table is None or not _is_of_pairs(one, table, first, second):
            return one
        values = {axis.variable or "": index for axis, index in zip(table.axes, one.indices, strict=True)}
        return _opened(program, substitute(table.right, values), first, second)

    return ire.rewrite(node, change)


def _is_of_pairs(node: ire.Reference, table: Site, first: str, second: str) -> bool:
    letters = {one.name for index in node.indices for one in ire.walk(index) if isinstance(one, ire.Variable)}
    whole = len(node.indices) == len(table.axes) and all(axis.variable is not None for axis in table.axes)
    return table.role == "deterministic" and table.starting is None and whole and {first, second} <= letters


def _without_unused(program: Program, site: Site) -> Program:
    """The program without the tables of which only the covariance was made: each would be as large as the process squared."""
    assert isinstance(site.right, ire.Distribution)
    pending: list[ire.Expression] = [site.right]
    while pending:
        names = {one.name for one in ire.walk(pending.pop()) if isinstance(one, ire.Reference)}
        for one in program.sites:
            over_pairs = one.sets.count(site.event[0]) > 1
            if one.name in names and one.role == "deterministic" and over_pairs and not one.report and not _used(program, one.name):
                program = program.with_sites(tuple(other for other in program.sites if other.name != one.name))
                pending.append(one.right)
    return program


def _used(program: Program, name: str) -> bool:
    nodes = [part for one in program.factors for part in (one.value, one.weight, one.where) if part is not None]
    nodes += [one.condition for one in program.restrictions]
    of_sites = (edge.parent for one in program.sites for edge in edges(one))
    return name in {*of_sites, *(edge.parent for node in nodes for edge in mentions(node))}
