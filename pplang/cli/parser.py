"""The commands and their options. argparse, since it is there already when Python starts: `pplang check` should answer at once."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Command:
    """module: in pplang.cli, with a function `run`. help: one line. options: adds the command's own."""

    module: str
    help: str
    options: Callable[[ArgumentParser], None]
    epilogue: str = ""


class _Version(Action):
    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("pplang")
        except PackageNotFoundError:  # run from the sources, not installed
            number = "(not installed)"
        print(f"pplang {number}")
        parser.exit()


def parse(arguments: Sequence[str]) -> Namespace:
    """The options of a command line. Raises SystemExit for `--help`, `--version` and arguments that make no sense."""
    if arguments and arguments[0] in COMMANDS:  # one command's parser is made in a tenth of the time of all
        chosen = of_command(arguments[0]).parse_intermixed_args(arguments[1:])  # data may come after options
        chosen.command = arguments[0]
        return chosen
    return whole().parse_args(arguments)


def of_command(name: str) -> ArgumentParser:
    """The parser of one command's options."""
    command = COMMANDS[name]
    return _with_options(
        ArgumentParser(
            prog=f"pplang {name}", description=command.help, epilog=command.epilogue, formatter_class=RawDescriptionHelpFormatter
        ),
        command,
    )


def whole() -> ArgumentParser:
    """The parser that knows the names of the commands, for what begins with none of them."""
    whole = ArgumentParser(prog="pplang", description="A small language for statistical models, and the compiler that makes them fit well.")
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help)
    return whole


def _with_options(one: ArgumentParser, command: Command) -> ArgumentParser:
    command.options(one)
    one.add_argument("--debug", action="store_true", help="show a traceback when pplang itself fails")
    return one


def _json(one: ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="print for machines: JSON")


def _model(one: ArgumentParser) -> None:
    one.add_argument("model", metavar="MODEL", help="a .ppl file; - for standard input")


def _data(one: ArgumentParser) -> None:
    one.add_argument(
        "data",
        metavar="DATA",
        nargs="*",
        help="CSV, TSV or Parquet files, one for each table (name=file says which); .json and .npz hold inputs",
    )
    one.add_argument("--input", metavar="FILE", action="append", default=[], help="a .json or .npz file of inputs (repeatable)")
    one.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], type=_pair, help="the value of one input (repeatable)")
    one.add_argument("--na", metavar="TEXT", action="append", default=[], help="a further text that means an empty cell (repeatable)")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(text)
    return name, value


_pair.__name__ = "NAME=VALUE"  # argparse shows it: invalid NAME=VALUE value


def _output(one: ArgumentParser, default: str) -> None:
    one.add_argument("-o", "--output", metavar="FILE", help=f"where to write (default: {default})")
    one.add_argument("--force", action="store_true", help="replace the output if it exists")


def _passes(one: ArgumentParser) -> None:
    one.add_argument("--without", metavar="PASS", action="append", default=[], help="leave out a pass (repeatable)")
    one.add_argument("--plan", metavar="FILE", help="choices settled beforehand: what `explain --json` prints, edited or as it is")


def _after(one: ArgumentParser) -> None:
    one.add_argument("--after", metavar="PASS", help="stop after this pass; `source` means the program as written")


def _check(one: ArgumentParser) -> None:
    one.add_argument(
        "--prove",
        action="store_true",
        help="check on this model and these data, at random points, that each pass keeps the density, and say how far off it is at most",
    )
    _model(one)
    _data(one)
    _json(one)


def _fmt(one: ArgumentParser) -> None:
    one.add_argument("models", metavar="MODEL", nargs="+", help=".ppl files, rewritten in place; - for standard input to standard output")
    one.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a file would change")
    one.add_argument("--diff", action="store_true", help="write nothing; show what would change")
    _json(one)


def _explain(one: ArgumentParser) -> None:
    _model(one)
    _data(one)
    one.add_argument("--fit", metavar="FIT", help="a fit of the model: explain its coordinates, with the numbers")
    one.add_argument("--program", action="store_true", help="only the rewritten program, which is a valid .ppl file")
    one.add_argument(
        "--diff", action="store_true", help="only what the passes changed; with --after, what that pass changed of the program before it"
    )
    one.add_argument(
        "--graph", metavar="FILE.svg", help="write a picture: what depends on what, index sets as plates, what each pass touched"
    )
    one.add_argument("--force", action="store_true", help="replace the picture if it exists")
    _after(one)
    _passes(one)
    _json(one)


def _export(one: ArgumentParser) -> None:
    _model(one)
    _data(one)
    one.add_argument("--to", choices=["numpyro"], default="numpyro", help="what to write")
    _after(one)
    _passes(one)
    _output(one, "standard output")


def _fit(one: ArgumentParser) -> None:
    _model(one)
    _data(one)
    one.add_argument(
        "--method",
        default="auto",
        help="vi: a normal approximation in coordinates chosen from the data, with a verdict; nuts: Hamiltonian Monte Carlo that begins in that fit; "
        "auto: vi, and nuts where its verdict is poor (default); svi: stochastic variational inference",
    )
    one.add_argument("--seed", type=int, default=0, help="the same seed gives the same draws (default: %(default)s)")
    one.add_argument("--draws", type=int, default=1000, help="draws to keep, of each chain (default: %(default)s)")
    one.add_argument("--chains", type=int, default=4, help="nuts: how many (default: %(default)s)")
    one.add_argument("--warmup", type=int, help="nuts: steps before the draws (default: 100 from a good fit, 400 to 1000 from others)")
    one.add_argument(
        "--samples-to-ess", type=int, metavar="N", help="nuts: draw until every bulk ESS is N, at most 20 times --draws of each chain"
    )
    one.add_argument(
        "--target-accept", type=float, default=0.8, metavar="RATE", help="nuts: mean acceptance to aim at (default: %(default)s)"
    )
    one.add_argument("--guide", default="mean-field", help="svi: mean-field (default) or full-rank")
    one.add_argument("--steps", type=int, default=5000, help="svi: steps of the optimiser (default: %(default)s)")
    one.add_argument(
        "--tol",
        type=float,
        default=0.02,
        metavar="SDS",
        help="vi: how far means may be from the best fit, in posterior sds (default: %(default)s)",
    )
    one.add_argument("--max-gradients", type=int, default=100_000, metavar="N", help="vi: stop after so many (default: %(default)s)")
    one.add_argument("--strict", action="store_true", help="exit status 3 when the verdict is poor")
    _passes(one)
    _output(one, "MODEL.fit.nc in this folder")
    one.add_argument("--quiet", action="store_true", help="no progress and no remarks")
    _json(one)


def _summary(one: ArgumentParser) -> None:
    one.add_argument("fit", metavar="FIT", help="a file that `pplang fit` wrote")
    one.add_argument("--all", action="store_true", help="every row, however many")
    _json(one)


def _predict(one: ArgumentParser) -> None:
    one.add_argument("fit", metavar="FIT", help="a file that `pplang fit` wrote")
    _data(one)
    one.add_argument("--seed", type=int, default=0, help="the same seed gives the same draws (default: %(default)s)")
    _output(one, "FIT.predictions.nc in this folder")
    one.add_argument("--quiet", action="store_true", help="no remarks")
    _json(one)


def _draws(one: ArgumentParser) -> None:
    one.add_argument("fit", metavar="FIT", help="a file that `pplang fit` wrote")
    one.add_argument("--csv", action="store_true", help="one row for each draw (the default)")
    _output(one, "standard output")
    _json(one)


def _message(one: ArgumentParser) -> None:
    one.add_argument("code", metavar="CODE", help="such as D02")
    _json(one)


def _completion(one: ArgumentParser) -> None:
    one.add_argument("shell", metavar="SHELL", choices=["bash", "zsh", "fish"], help="bash, zsh or fish")


COMMANDS: dict[str, Command] = {
    "check": Command("check", "Check a model, and data against it.", _check),
    "fmt": Command("fmt", "Lay models out in the one canonical way; comments stay.", _fmt),
    "explain": Command("explain", "Show what the compiler decides, and the program it makes of a model.", _explain),
    "export": Command("export", "Write a model as a Python module for NumPyro.", _export),
    "fit": Command("fit", "Fit a model to data; the posterior goes to a file and its table is printed.", _fit),
    "summary": Command("summary", "Print the table of a fit, or of predictions.", _summary),
    "draws": Command("draws", "Write the draws of a fit, or of predictions, as a table.", _draws),
    "predict": Command("predict", "Draw what a fit says of new rows; the draws go to a file and their table is printed.", _predict),
    "message": Command("message", "Explain a diagnostic at length.", _message),
    "completion": Command(
        "completion",
        "Print the completion script of a shell.",
        _completion,
        'bash, zsh:  eval "$(pplang completion bash)"\nfish:       pplang completion fish | source',
    ),
}
