"""A compiled model, and a model with its data: what Python users hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from pplang import _files
from pplang._check import check
from pplang._diagnostics import Diagnostic, Problems, shown
from pplang._ir.kinds import Member
from pplang._ir.program import Distinct, Empty, Program, Site
from pplang._passes.plan import kept_as
from pplang._records import dataclass
from pplang._source import Source
from pplang._syntax.parse import parse

if TYPE_CHECKING:
    import numpy as np

    from pplang._data.dataset import Dataset
    from pplang._fit import Fit
    from pplang._infer.density import Latent
    from pplang._infer.settings import Progress, Settings
    from pplang._infer.target import Functions, Target
    from pplang._lower import Lowered
    from pplang._passes.plan import Compiled, Different
    from pplang._plan_file import Plan

LARGEST_MODEL = 1_000_000
"""Bytes of a model file."""

Table = Any
"""A path (CSV, TSV, Parquet), a frame of pandas, polars or Arrow, or a dict of arrays; or a pair of a table's name and one of these."""


def compile(path: str | os.PathLike[str]) -> Model:
    """Read and check a model file. Raises `Problems` with every fault of the model, or of the file (I20-I25)."""
    return compile_text(_files.read_text(path, LARGEST_MODEL), name=os.fspath(path))


def compile_text(text: str, *, name: str = "model.ppl") -> Model:
    """Check the text of a model; `name` is shown in messages. Raises `Problems` with every fault."""
    source = Source(name, text)
    return Model(source, check(parse(source), source))


@dataclass(frozen=True)
class Model:
    """A model that is sound. `program`: its typed form."""

    source: Source
    program: Program

    @property
    def text(self) -> str:
        """The source."""
        return self.source.text

    def compiled(
        self,
        *,
        without: Sequence[str] = (),
        after: str | None = None,
        plan: Plan | None = None,
        sizes: Mapping[str, int] | None = None,
        different: Different | None = None,
    ) -> Compiled:
        """The plan and the rewritten program; some passes left out, or only up to one; choices settled by a plan (see `plan`).

        sizes: how many members each index set has, different: how many different rows some columns have, where the data are known: some
        choices depend on them.

        Raises `Problems`: I72 for what is not a pass, or is one that cannot be left out; I82, I83 for a plan that does not fit.
        """
        from pplang._passes import pipeline

        _check_passes(without, after)
        return pipeline.run(self.program, without=without, after=after, pins=plan.pins if plan else None, sizes=sizes, different=different)

    def plan(self, path: str | os.PathLike[str]) -> Plan:
        """The plan in a JSON file that `pplang explain --json` has written, for `bind` and `fit`.

        Raises `Problems`: I02-I06, I20-I25 it cannot be read, I80 it is no plan, I81 it is one for another program.
        """
        from pplang import _plan_file

        return _plan_file.read(path, self.program)

    def bind(
        self,
        *data: Table,
        tables: Mapping[str, Any] | None = None,
        inputs: Any = None,
        settings: Mapping[str, str] | None = None,
        missing: Sequence[str] = (),
        without: Sequence[str] = (),
        plan: Plan | None = None,
    ) -> Bound:
        """The model with its data.

        data: the tables, one after the other, as paths, frames or dicts of arrays, each alone or as a pair (name of the table, source).
        tables: the same by name. inputs: values by name, a .json or .npz file, or a list of those. settings: values as text, which win over
        `inputs`. missing: further texts that mean an empty cell. without: passes to leave out. plan: choices settled beforehand, see `plan`.

        Raises `Problems` with every fault of the data or the plan (C, I), or F codes where the model cannot be fitted.
        """
        from pplang._data.bind import bind
        from pplang._lower import evaluate
        from pplang._passes import approximate
        from pplang._passes.supported import unsupported

        refused = unsupported(self.program)
        if refused is not None:
            raise Problems([refused], self.source)
        given = [one if isinstance(one, tuple) else (None, one) for one in data] + list((tables or {}).items())
        _check_passes(without)
        dataset = bind(self.program, given, inputs, evaluate=evaluate, settings=settings or {}, missing=missing, source=self.source)
        if (fault := approximate.too_many(self.program, dataset.sizes)) is not None:
            raise Problems([fault], self.source)
        compiled = self.compiled(without=without, plan=plan, sizes=dataset.sizes, different=_different(dataset))
        bound = _of_full_rank(Bound(self, compiled, dataset), without)
        _check_tables(bound)
        return bound.with_constants(plan.constants) if plan and plan.constants else bound

    def fit(
        self,
        *data: Table,
        method: str = "auto",
        seed: int = 0,
        draws: int = 1_000,
        chains: int = 4,
        warmup: int | None = None,
        target_accept: float = 0.8,
        guide: str = "mean-field",
        steps: int = 5_000,
        tol: float = 0.02,
        max_gradients: int = 100_000,
        samples_to_ess: int | None = None,
        tables: Mapping[str, Any] | None = None,
        inputs: Any = None,
        settings: Mapping[str, str] | None = None,
        missing: Sequence[str] = (),
        without: Sequence[str] = (),
        plan: Plan | None = None,
        progress: Progress | None = None,
    ) -> Fit:
        """The posterior given data. How to give them, see `bind`.

        method: `vi`, a normal approximation in coordinates chosen from the data, with a verdict (draws in all; tol, max_gradients); `nuts`, chains
        that begin in that fit (chains, draws and warm-up of each, target_accept, samples_to_ess); `auto`, the first, and the second where the
        verdict is poor; `svi`, stochastic optimisation of a normal approximation (guide "mean-field" or "full-rank", steps, draws in all). The
        same seed, versions and machine give the same draws. progress(done, total, remark) is called now and then.

        Raises `Problems` with every fault of the settings (I70, I71) or of the data, or F codes where the model cannot be fitted.
        """
        from pplang._infer.settings import Settings

        chosen = Settings(method, seed, draws, chains, warmup, target_accept, guide, steps, tol, max_gradients, samples_to_ess)
        return self.bind(*data, tables=tables, inputs=inputs, settings=settings, missing=missing, without=without, plan=plan).fit(
            chosen, progress
        )


@dataclass(frozen=True)
class Bound:
    """A model with its data. Everything that is asked of it is made when asked for; pickling keeps only what it is made from.

    dataset: index sets and arrays. compiled: the plan and the rewritten program. constants: of transports, by name; those that are not set are
    zero (see `with_constants`).
    """

    model: Model
    compiled: Compiled
    dataset: Dataset
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return Bound, (self.model, self.compiled, self.dataset, self.constants)

    @cached_property
    def sets(self) -> Mapping[str, Sequence[str | int]]:
        """The members of each index set; those that a pass has made (the rows of a block of effects, empty cells, the values of a count) beside
        those of the data."""
        from pplang._lower.made_sets import with_made_sets

        sets = (*self.compiled.drawn.sets, *self.compiled.program.sets)
        empty = {one.name: tuple(self.coordinates(one.name).tolist()) for one in sets if isinstance(one.members, Empty)}
        return {**empty, **with_made_sets(self.compiled.program, self.dataset.sets, self.dataset.values())}

    @cached_property
    def different(self) -> Different:
        """How many different rows some columns have."""
        return _different(self.dataset)

    def coordinates(self, name: str) -> np.ndarray:
        """The members of an index set for output, as in `Dataset.coordinates`; of empty cells and of effects also where a pass has made the set."""
        import numpy as np

        from pplang._ir.program import Free, Labels, NumberRange

        members = self.compiled.drawn.set[name].members if name in self.compiled.drawn.set else None
        if isinstance(members, Empty):
            return self.dataset.empty_cells(members.name, self.compiled.drawn.axes_of(members.name))
        if isinstance(members, Distinct):
            return np.arange(1, self.different(members.names) + 1)
        if isinstance(members, NumberRange) and name not in self.dataset.sets:
            return np.array(self.sets[name])
        made = self.compiled.program.set[name].members if name in self.compiled.program.set else None
        if isinstance(made, Labels) and name not in self.dataset.sets:
            return np.array(made.labels, dtype=object)
        if isinstance(made, Free) and name not in self.dataset.sets:
            return np.arange(1, len(self.sets[made.set]))
        return self.dataset.coordinates(name)

    @cached_property
    def transported(self) -> Bound:
        """The same model and data in transported coordinates, whose constants (arguments of `transformed_model`) are zero until an engine
        sets them."""
        from pplang._infer.density import set_sizes
        from pplang._passes import pipeline

        taken = {stage.name for stage in self.compiled.stages}
        left_out = [name for name in pipeline.OPTIONAL if name not in taken]
        sizes = set_sizes(self.model.program, self.sets)
        compiled = pipeline.run(
            self.model.program, without=left_out, transported=True, pins=self.compiled.pins, sizes=sizes, different=self.different
        )
        known = {one.name for one in compiled.constants}
        return Bound(self.model, compiled, self.dataset, {name: value for name, value in self.constants.items() if name in known})

    def with_constants(self, constants: Mapping[str, Any]) -> Bound:
        """The same with the constants of transports set by hand, by the names of their inputs; others stay as they are.

        Any value gives the same posterior. Nothing is compiled anew for it: constants are arguments. Raises `Problems` (I84).
        """
        from pplang import _plan_file

        evidence = {**{one.h: False for one in self.compiled.transports}, **{one.h: not one.diagonal for one in self.compiled.blocks}}
        shapes = {name: zeros.shape for name, zeros in self._zeros.items()}
        checked = _plan_file.check_constants(constants, shapes, evidence)
        return Bound(self.model, self.compiled, self.dataset, {**self.constants, **checked})

    @cached_property
    def arguments(self) -> dict[str, np.ndarray]:
        """The keyword arguments of `numpyro_model`: NumPy arrays."""
        return self._prepared(self._source)

    @cached_property
    def numpyro_model(self) -> Callable[..., None]:
        """The model as the user wrote it, a NumPyro model in which every name of the source is a site: `numpyro_model(**arguments)`.
        Of a column with empty cells `income` holds those that have a value, `income_empty` the others."""
        return partial(self._source.model, sets=self.sets)

    @cached_property
    def transformed_arguments(self) -> dict[str, np.ndarray]:
        """The keyword arguments of `transformed_model`: NumPy arrays."""
        return self._prepared(self._transformed)

    @cached_property
    def transformed_model(self) -> Callable[..., None]:
        """The model after all passes, whose latents live on R^n; what the engines run: `transformed_model(**transformed_arguments)`."""
        return self._selecting(self._transformed)

    @property
    def size(self) -> int:
        """n: how many numbers `z` has."""
        return sum(latent.size for latent in self.latents)

    @cached_property
    def latents(self) -> tuple[Latent, ...]:
        """The parts of `z`, in order."""
        from pplang._infer.density import Latent, set_sizes

        program, axes = self.compiled.inference, self._transformed.axes
        sizes = set_sizes(program, self.sets)
        return tuple(Latent(site.name, tuple(sizes[one] for one in axes[site.name])) for site in program.sites if site.role == "latent")

    @property
    def names(self) -> tuple[str, ...]:
        """What a fit keeps draws of: params (every draw has the same number), the latents of the source, the columns with empty cells, and what
        it reports, generated relations included."""
        return (*self._params, *(kept_as(site) for site in self._kept))

    @cached_property
    def kept(self) -> Mapping[str, tuple[str, ...]]:
        """The index sets of what a fit keeps draws of, by name."""
        return {**{name: self.compiled.drawn.axes_of(name) for name in self._params}, **{kept_as(site): site.sets for site in self._kept}}

    @property
    def kept_sites(self) -> Mapping[str, str]:
        """The relation whose values are kept under each name."""
        return {kept_as(site): site.name for site in self._kept}

    @property
    def kept_members(self) -> Mapping[str, str]:
        """Of the names whose kept values are members of a set, that set."""
        return {kept_as(site): site.kind.set for site in self._kept if isinstance(site.kind, Member)}

    def log_density(self, z: Any) -> Any:
        """The log density of data and latents at a point of R^n, shape (n,), its Jacobian included. JAX, to be traced and differentiated."""
        return self._functions.log_density(z, self._all_arguments)

    def constrain(self, z: Any, key: Any = None) -> dict[str, Any]:
        """The values at a point of R^n, by the names in `names`. `key`: a JAX key for generated relations that are drawn (default: of 0)."""
        import jax

        return self._functions.constrain(z, jax.random.PRNGKey(0) if key is None else key, self._all_arguments)

    def unconstrain(self, values: Mapping[str, Any]) -> np.ndarray:
        """The point of R^n, shape (n,), at which the latents of the source have these values. Raises KeyError if one is missing."""
        import numpy as np

        from pplang._infer.density import plates_first
        from pplang._lower import lower

        sites = self.compiled.drawn.site
        names = [name for name in self.unknowns if name not in self.compiled.summed]
        original = {name: np.asarray(values[kept_as(sites[name])], dtype=np.float64) for name in names}
        free = {**original, **lower(self.compiled.inverse()).prepare(sets=self.sets, **self._given, **original)}
        parts = [np.transpose(free[latent.name], plates_first(self.compiled.program.site[latent.name])) for latent in self.latents]
        return np.concatenate([np.zeros(0), *(np.ravel(part) for part in parts)])

    def fit(self, settings: Settings, progress: Progress | None = None) -> Fit:
        """The posterior, by the method of the settings. Raises `Problems` (F10, F11)."""
        from pplang._infer.fit import fit
        from pplang._infer.settings import silent

        return fit(self, settings, progress or silent)

    @cached_property
    def target(self) -> Target:
        """The model for an engine."""
        from pplang._infer.target import Target

        identity = "\n".join(
            (
                self._completing.text,
                self._transformed.text,
                self._drawing.text,
                repr(sorted(self._labels_that_matter().items())),
                repr(self.names),
                repr(self.latents),
            )
        )
        return Target(identity, self.size, self._all_arguments, lambda: self._functions)

    def _labels_that_matter(self) -> dict[str, Any]:
        """The members of each index set; of empty cells and different rows how many there are, so that others need no new compilation."""
        empty = {one.name for one in self.compiled.program.sets if isinstance(one.members, Empty | Distinct)}
        return {name: len(members) if name in empty else members for name, members in self.sets.items()}

    @cached_property
    def _source(self) -> Lowered:
        from pplang._lower import lower

        return lower(self.compiled.drawn)

    @cached_property
    def _transformed(self) -> Lowered:
        from pplang._lower import lower

        return lower(self.compiled.inference)

    @cached_property
    def _completing(self) -> Lowered:
        """What is computed and drawn after inference, given the latents."""
        from pplang._lower import lower

        return lower(self.compiled.completion())

    @cached_property
    def _drawing(self) -> Lowered:
        """The transformed program with the relations that draw what was summed out."""
        from pplang._lower import lower

        return lower(self.compiled.program) if self.compiled.summed else self._transformed

    @property
    def _params(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.compiled.drawn.params)

    @cached_property
    def _kept(self) -> tuple[Site, ...]:
        sites = self.compiled.kept
        return tuple(site for site in sites if site.role == "latent" or (site.report and site.level != "data"))

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The latents of the source that inference is about."""
        return tuple(site.name for site in self.compiled.drawn.sites if site.role == "latent" and site.name not in self._generated)

    @property
    def _generated(self) -> set[str]:
        """What is drawn or computed after inference."""
        return {choice.site for stage in self.compiled.stages if stage.name == "forward" for choice in stage.choices}

    @cached_property
    def _all_arguments(self) -> dict[str, np.ndarray]:
        drawing = self._prepared(self._drawing) if self.compiled.summed else {}
        return {**self._prepared(self._completing), **drawing, **self.transformed_arguments}

    def known(self, name: str) -> np.ndarray:
        """The value of a relation that the data alone determine, in the axes of its index sets: of members the number, or the place of a label."""
        (keyword,) = self._completing.keywords({name: None})
        value, kind = self._all_arguments[keyword], self.compiled.drawn.site[name].kind
        labels = self.coordinates(kind.set) if isinstance(kind, Member) else None
        return value if labels is None or labels.dtype.kind != "i" else labels[value]

    def _prepared(self, lowered: Lowered) -> dict[str, np.ndarray]:
        """The model's arguments: columns, inputs, and what is computed from them once, in NumPy."""
        try:
            known = lowered.prepare(sets=self.sets, **self._given)
        except Problems as problems:
            raise Problems(problems.diagnostics, self.model.source) from None
        return lowered.select({**self._given, **known})

    @property
    def _given(self) -> dict[str, np.ndarray]:
        """Columns and inputs, and the constants of transports."""
        return {**self.dataset.values(), **self.transport_constants}

    @property
    def transport_constants(self) -> dict[str, np.ndarray]:
        """The constants of all transports, by the names of their inputs: those that are set, and zeros."""
        return {**self._zeros, **self.constants}

    @property
    def _zeros(self) -> dict[str, np.ndarray]:
        """The constants of non-centred coordinates."""
        import numpy as np

        from pplang._infer.density import set_sizes

        sizes = set_sizes(self.compiled.program, self.sets) if self.compiled.constants else {}
        return {one.name: np.zeros([sizes[name] for name in one.sets]) for one in self.compiled.constants}

    @cached_property
    def _functions(self) -> Functions:
        from pplang._infer.density import functions

        transformed, drawing, completing = (self._selecting(one) for one in (self._transformed, self._drawing, self._completing))
        beside = tuple(site.name for site in self.compiled.kept if site.name not in self.compiled.drawn.site)
        original = tuple(self.compiled.program.site[name] for name in (*self.unknowns, *beside))
        kept = {kept_as(site): site for site in self._kept}
        # What only a likelihood used that is a few numbers now (`collapse`) is computed afterwards too.
        there = (self.compiled.program if self.compiled.summed else self.compiled.inference).site
        later = self._generated | set(self.compiled.summed) | {site.name for site in self._kept if site.name not in there}
        return functions(transformed, drawing, completing, self.latents, original, kept, later, self._params)

    def _selecting(self, lowered: Lowered) -> Callable[..., None]:
        """The model, called with arguments of both models, of which it takes its own."""
        return partial(_own_arguments, lowered, self.sets)


def _different(dataset: Dataset) -> Different:
    from pplang._lower.made_sets import different

    return partial(different, arrays=dataset.arrays)


def _own_arguments(lowered: Lowered, sets: Mapping[str, Sequence[str | int]], **arguments: Any) -> None:
    lowered.model(sets=sets, **lowered.select(arguments))


def _of_full_rank(bound: Bound, without: Sequence[str]) -> Bound:
    """The bound model with what the ranks of its designs settle. Raises `Problems` (F29, I83)."""
    from pplang._infer.ranks import settled
    from pplang._passes import orthogonalize, pipeline

    known = settled(bound)
    if not known:
        return bound
    told = {choice.site for choice in known}
    planned = tuple(choice for choice in bound.compiled.pins.get(orthogonalize.NAME, ()) if choice.site not in told)
    pins = {**bound.compiled.pins, orthogonalize.NAME: (*planned, *known)}
    compiled = pipeline.run(bound.model.program, without=without, pins=pins, sizes=bound.dataset.sizes, different=bound.different)
    return Bound(bound.model, compiled, bound.dataset)


def _check_tables(bound: Bound) -> None:
    """Raise `Problems` (E03) where summing over discrete latents would take too many states."""
    if bound.compiled.tables:
        from pplang._infer.density import set_sizes
        from pplang._passes.marginalize import too_many

        fault = too_many(bound.model.program, bound.compiled.tables, set_sizes(bound.compiled.program, bound.sets))
        if fault is not None:
            raise Problems([fault], bound.model.source)


def _check_passes(without: Sequence[str], after: str | None = None) -> None:
    """Raises `Problems` (I72) for what is not a pass, or is one that cannot be left out."""
    faults = [fault for fault in (*map(_left_out, without), _is_pass(after) if after else None) if fault]
    if faults:
        raise Problems(faults)


def _is_pass(name: str) -> Diagnostic | None:
    from difflib import get_close_matches

    from pplang._passes import pipeline

    if name in pipeline.NAMES:
        return None
    near = get_close_matches(name, pipeline.NAMES, n=1)
    help = f"did you mean `{near[0]}`?" if near else f"the passes are {', '.join(pipeline.NAMES)}"
    return Diagnostic("I72", f"there is no pass `{shown(name)}`", help=help)


def _left_out(name: str) -> Diagnostic | None:
    from pplang._passes import pipeline

    if name not in pipeline.NAMES or name in pipeline.OPTIONAL:
        return _is_pass(name)
    help = f"these can be left out: {', '.join(pipeline.OPTIONAL)}"
    return Diagnostic("I72", f"the pass `{name}` cannot be left out: without it no program can be fitted", help=help)
