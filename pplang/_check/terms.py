"""What stands beside the relations: factors, priors on the weights of nets, the guide, the reward."""

from __future__ import annotations

from dataclasses import replace

from pplang._check.clauses import where, word
from pplang._check.draws import type_draw
from pplang._check.environment import Environment
from pplang._check.relations import Relations
from pplang._check.resolve import Resolver
from pplang._check.steps import check_factor_steps
from pplang._check.types import Typer
from pplang._check.words import bound_axes, near, over_words
from pplang._diagnostics import Label
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._syntax import tree


def read_factor(environment: Environment, node: tree.Factor) -> ir.Factor | None:
    """`factor e`, with its clauses."""
    resolver, typer = Resolver(environment), Typer(environment, {})
    value = _term(resolver, node.value)
    if value is not None:
        typer.number(value)
        check_factor_steps(environment, value)
    weight: ire.Expression | None = None
    condition: ire.Expression | None = None
    for clause in node.clauses:
        match clause:
            case tree.Weighted(given):
                weight = _term(resolver, given)
                if weight is not None:
                    typer.number(weight)
            case tree.Where():
                condition = where(resolver, typer, clause, allowed=True)
            case _:
                name = type(clause).__name__.lower()
                environment.report(
                    "R08",
                    f"`{name}` on a factor",
                    word(clause.span, name),
                    "a factor is one term, and defines no name",
                    help="leave it out",
                )
    return None if value is None else ir.Factor(value, weight, condition, span=node.span)


def _term(resolver: Resolver, node: tree.Expression) -> ire.Expression | None:
    value = resolver.value(node)
    return None if resolver.is_invalid(value) else value


def read_weights(environment: Environment, node: tree.Weights) -> None:
    """`weights f ~ d`: a prior on the weights of a net."""
    net = environment.nets.get(node.net.name)
    if net is None:
        meant = near(node.net.name, environment.nets)
        environment.report("N01" if meant else "N02", f"unknown net `{node.net.name}`", node.net.span, f"did you mean `{meant}`?" if meant else "",
                           help="" if meant else f"declare it: net {node.net.name} : In -> 32 tanh -> Out")  # fmt: skip
        return
    if net.prior is not None:
        environment.report("N03", f"the weights of `{net.name}` have two priors", node.net.span, help="keep one")
    prior = Resolver(environment).distribution(node.distribution)
    if isinstance(prior, ire.Distribution | ire.Mixture):
        type_draw(Typer(environment, {}), prior, event=())
        environment.nets[net.name] = replace(net, prior=prior)


def read_guide(environment: Environment, model: Relations, nodes: list[tree.Guide]) -> ir.Guide | None:
    """The user's own family: draws of latents of the model, and names of its own."""
    for extra in nodes[1:]:
        environment.report(
            "R06",
            "a second `guide:`",
            word(extra.span, "guide"),
            labels=(Label(word(nodes[0].span, "guide"), "first here"),),
            help="put all of it into one",
        )
    if not nodes:
        return None
    scope = environment.extended()
    drawn = {name: site for name, site in model.sites.items() if site.role == "latent"}
    for name in model.targets:
        scope.entries[name] = replace(scope.entries[name])
    relations = Relations(scope, in_guide=True)
    kept = tuple(one for one in nodes[0].statements if _may_draw(environment, model, one))
    relations.declare(kept)
    for one in kept:
        name = one.target.name.name
        site = drawn.get(name)
        if site is None or one.operator == "=":
            continue
        sets = tuple(axis.set for axis in relations.axes(one.target))
        if sets != site.sets:
            left = bound_axes(site.sets, environment.entries)
            environment.report("R06", f"`{name}` is {over_words(site.sets)} in the model", one.target.span, f"here it is {over_words(sets)}",
                               help=f"write {name}[{left}]" if left else f"write {name}, without brackets")  # fmt: skip
    relations.relate_all()
    return ir.Guide(tuple(relations.sites[name] for name in relations.targets if name in relations.sites))


def _may_draw(environment: Environment, model: Relations, node: tree.Relation) -> bool:
    """A guide draws latents; what it computes has names of its own."""
    name = node.target.name
    known = model.targets.get(name.name)
    if node.operator == "=" or (known is not None and known.operator == "~" and environment.entries[name.name].what == "site"):
        return True
    latents = [one for one, target in model.targets.items() if target.operator == "~" and environment.entries[one].what == "site"]
    meant = near(name.name, latents)
    environment.report("R06", f"`{name.name}` is no latent of the model", name.span, f"did you mean `{meant}`?" if meant else "a guide draws the latents of the model, and nothing else",
                       help="" if meant else "define a name of the guide's own by `=`; to add a latent, give it a prior in the model")  # fmt: skip
    return False


def read_reward(environment: Environment, model: Relations, nodes: list[tree.Maximize], params: list[ir.Param]) -> ir.Maximize | None:
    """`maximize e`: its expectation under the model, over the params."""
    for extra in nodes[1:]:
        environment.report("R05", "a second `maximize`", word(extra.span, "maximize"), labels=(Label(word(nodes[0].span, "maximize"), "first here"),),
                           help="add the two rewards in one statement")  # fmt: skip
    if not nodes:
        return None
    place = word(nodes[0].span, "maximize")
    observed = next((site for site in model.sites.values() if site.role in ("observed", "split")), None)
    if observed is not None:
        environment.report("R05", "`maximize` beside an observed relation", place, "a reward is maximised under the model alone",
                           labels=(Label(observed.span, "observed here"),), help="leave out the observation, or the reward")  # fmt: skip
    elif not params and not environment.nets:
        environment.report("R05", "`maximize` with nothing to choose", place, "the reward is maximised over params, and there are none",
                           help="declare what may be chosen: param push : real = 0")  # fmt: skip
    value = _term(Resolver(environment), nodes[0].value)
    if value is None:
        return None
    Typer(environment, {}).number(value)
    return ir.Maximize(value, span=nodes[0].span)
