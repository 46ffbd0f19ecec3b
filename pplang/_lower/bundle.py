"""What a generated module uses of our own runtime, taken into the module itself, so that it runs where only NumPyro is.

Of every runtime module the definitions that are needed, under names that no model has (`_bijections_log`); what they import from elsewhere is
imported by the module.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache

from pplang._diagnostics import InternalError

Key = tuple[str, str]
"""A module's path and a name defined in it."""


@dataclass(frozen=True)
class Module:
    """definitions: its statements by the name they define. imported: local names → (module, name in it or None).

    registered: functions that are there because a decorator hands them on (`@tails.register`), under names of their own.
    """

    path: str
    definitions: Mapping[str, ast.stmt]
    imported: Mapping[str, tuple[str, str | None]]
    registered: Mapping[str, ast.FunctionDef] = field(default_factory=dict)

    @property
    def order(self) -> list[str]:
        """Every name, as their statements stand in the module."""
        every = {**self.definitions, **self.registered}
        return sorted(every, key=lambda name: every[name].lineno)


@cache
def module(path: str) -> Module:
    definitions: dict[str, ast.stmt] = {}
    registered: dict[str, ast.FunctionDef] = {}
    imported: dict[str, tuple[str, str | None]] = {}
    for statement in ast.parse(inspect.getsource(importlib.import_module(path))).body:
        match statement:
            case ast.FunctionDef(name=name) if list(_registering(statement)):
                registered[f"{name}:{statement.lineno}"] = statement
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(name)):
                definitions[name] = statement
            case ast.Assign(targets=[target]):
                definitions |= dict.fromkeys(_stored(target), statement)
            case ast.Import(names=names):
                imported |= {one.asname or one.name: (one.name, None) for one in names}
            case ast.ImportFrom(module=source, names=names) if source is not None and source != "__future__":
                imported |= {one.asname or one.name: _meant(source, one.name) for one in names}
    return Module(path, definitions, imported, registered)


def _registering(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What each decorator registers with, and for which type: `tails` and `dist.Normal`; None where there is no type."""
    for decorator in function.decorator_list:
        match decorator:
            case ast.Attribute(value=base, attr="register"):
                yield base, function.args.args[0].annotation
            case ast.Call(func=ast.Attribute(value=base, attr="register"), args=[of]):
                yield base, of
            case ast.Attribute(value=base, attr="defjvp"):
                yield base, None


def _meant(source: str, name: str) -> tuple[str, str | None]:
    """`from pplang._lower.runtime import bijections` imports a module."""
    handed = getattr(importlib.import_module(source), name, None) if _ours(source) else None
    return (f"{source}.{name}", None) if inspect.ismodule(handed) else (source, name)


def _ours(path: str) -> bool:
    return path.split(".")[0] == "pplang"


def bundled(body: list[ast.stmt], aliases: Mapping[str, str]) -> tuple[list[ast.stmt], list[ast.stmt], list[ast.stmt]]:
    """Imports, definitions, and the body with its references to them. aliases: the name under which the body knows each module of ours."""
    bundle = _Bundle()
    own = Module("", {}, {alias: (path, None) for alias, path in aliases.items()})
    rewritten = [bundle.taken(statement, own) for statement in body]
    while bundle.register():
        pass
    return bundle.imports(), bundle.statements(), rewritten


@dataclass
class _Bundle:
    found: dict[Key, ast.stmt | None] = field(default_factory=dict)
    external: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def taken(self, statement: ast.stmt, where: Module) -> ast.stmt:
        renamed: ast.stmt = _Renamer(self, where).visit(deepcopy(statement))
        return renamed

    def need(self, path: str, name: str) -> str:
        """The name of a definition of ours in the bundle."""
        if (path, name) not in self.found:
            home = module(path)
            if name in home.imported:  # handed on
                source, meant = home.imported[name]
                return self.need(source, meant or "")
            self.found[path, name] = None
            self.found[path, name] = self.taken(home.definitions[name], home)
        return called(path, name)

    def register(self) -> bool:
        """Take what registers something with what was taken, for types that were taken or are not ours. Was there any?"""
        new = [
            (home, name)
            for home in [module(path) for path in {path for path, _ in self.found}]
            for name, function in home.registered.items()
            if (home.path, name) not in self.found
            and any(self._has(base, home) and (of is None or self._has(of, home)) for base, of in _registering(function))
        ]
        for home, name in new:
            self.found[home.path, name] = self.taken(home.registered[name], home)
        return bool(new)

    def _has(self, node: ast.expr, home: Module) -> bool:
        """Is it something of ours that was taken, or something that is not ours?"""
        match node:
            case ast.Name(name) if name in home.definitions:
                return (home.path, name) in self.found
            case ast.Name(name) if _ours(home.imported[name][0]):
                source, meant = home.imported[name]
                return (source, meant) in self.found
            case ast.Attribute(value=ast.Name(name), attr=attribute) if _ours(home.imported[name][0]):
                return (home.imported[name][0], attribute) in self.found
        return True

    def outside(self, local: str, source: tuple[str, str | None]) -> None:
        if self.external.setdefault(local, source) != source:
            raise InternalError(f"{local} is {source} in one module and {self.external[local]} in another")

    def imports(self) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for local, (path, name) in sorted(self.external.items(), key=lambda one: (one[1][0], one[0])):
            alias = ast.alias(path if name is None else name, None if local == (name or path) else local)
            found.append(ast.Import([alias]) if name is None else ast.ImportFrom(path, [alias], 0))
        return found

    def statements(self) -> list[ast.stmt]:
        """In the order of their modules, those that others import first; within a module as they stand there."""
        paths: list[str] = []

        def place(path: str) -> None:
            for source, _ in module(path).imported.values():
                if _ours(source) and source not in paths:
                    place(source)
            if path not in paths:
                paths.append(path)

        for path, _ in self.found:
            place(path)
        ordered = (self.found.get((path, name)) for path in paths for name in module(path).order)
        return list({ast.unparse(statement): statement for statement in ordered if statement is not None}.values())


def merged(imports: list[ast.stmt]) -> list[ast.stmt]:
    """Each import once, in order of what is imported."""
    return sorted(
        {ast.unparse(ast.fix_missing_locations(one)): one for one in imports}.values(),
        key=lambda one: (isinstance(one, ast.ImportFrom), ast.unparse(one)),
    )


def called(path: str, name: str) -> str:
    """The name of a definition in the bundle: it begins with an underscore, as no name of a model does."""
    return f"_{path.rpartition('.')[2]}_{name}"


class _Renamer(ast.NodeTransformer):
    """References to what a module defines or imports; names that a function or a class binds itself stay."""

    def __init__(self, bundle: _Bundle, where: Module) -> None:
        self.bundle, self.where = bundle, where
        self.bound: list[set[str]] = []

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id
        if isinstance(node.ctx, ast.Store) and not self.bound and name in self.where.definitions:
            return ast.Name(called(self.where.path, name), node.ctx)
        if isinstance(node.ctx, ast.Load) and not any(name in one for one in self.bound):
            if name in self.where.definitions:
                return ast.Name(self.bundle.need(self.where.path, name), node.ctx)
            if name in self.where.imported:
                source, meant = self.where.imported[name]
                if _ours(source) and meant is not None:
                    return ast.Name(self.bundle.need(source, meant), node.ctx)
                self.bundle.outside(name, (source, meant))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`bijections.log` of a module of ours; `jax.numpy.sum` of one that is imported by its dotted name."""
        if isinstance(node.value, ast.Name) and not any(node.value.id in one for one in self.bound):
            source, meant = self.where.imported.get(node.value.id, ("", None))
            if _ours(source) and meant is None:
                return ast.Name(self.bundle.need(source, node.attr), node.ctx)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(self._of_type(one, node)) for one in node.decorator_list]
        if not self.bound and self.where.path:
            node.name = called(self.where.path, node.name)
        node.args.defaults = [self.visit(one) for one in node.args.defaults]
        node.args.kw_defaults = [one and self.visit(one) for one in node.args.kw_defaults]
        self._unannotated(node)
        classes = self.bound[-1:] if self.bound and "" in self.bound[-1] else []
        if classes:  # the names of a class are not those of its methods
            self.bound.pop()
        self.bound.append(_binds(node))
        node.body = [self.visit(one) for one in node.body]
        self.bound.pop()
        self.bound += classes
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.bound.append({one.arg for one in (*node.args.args, *node.args.kwonlyargs)})
        node.body = self.visit(node.body)
        self.bound.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if not self.bound:
            node.name = called(self.where.path, node.name)
        node.bases = [self.visit(one) for one in node.bases]
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        self.bound.append({"", *(name for part in node.body for name in _stored(part))})
        node.body = [self.visit(one) for one in node.body]
        self.bound.pop()
        return node

    def _of_type(self, decorator: ast.expr, node: ast.FunctionDef) -> ast.expr:
        """`@tails.register` reads the type from an annotation; here it is said."""
        if isinstance(decorator, ast.Attribute) and decorator.attr == "register":
            of = node.args.args[0].annotation
            assert of is not None
            return ast.Call(decorator, [of], [])
        return decorator

    def _unannotated(self, node: ast.FunctionDef) -> None:
        """Annotations would need imports that nothing else needs."""
        node.returns = None
        for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg):
            if one is not None:
                one.annotation = None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Name("object", ast.Load())
        node.target = self.visit(node.target)
        node.value = node.value and self.visit(node.value)
        return node


def _binds(function: ast.FunctionDef) -> set[str]:
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    return {one.arg for one in given} | {name for part in function.body for name in _stored(part)}


def _stored(node: ast.AST) -> set[str]:
    """The names that a statement binds, other than inside functions and classes of its own."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Lambda():
            return set()
        case ast.Name(id=name, ctx=ast.Store()) | ast.MatchAs(name=str(name)) | ast.ExceptHandler(name=str(name)):
            own = {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            own = {(one.asname or one.name).split(".")[0] for one in names}
        case _:
            own = set()
    return own.union(*(_stored(child) for child in ast.iter_child_nodes(node)))
