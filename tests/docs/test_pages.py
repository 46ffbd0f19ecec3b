"""The manual is true: its programs check, its commands and Python run, and it leaves nothing out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pplang
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.functions import FUNCTIONS
from pplang._passes.pipeline import NAMES
from pplang._source import Source
from pplang._syntax.format import format_file
from pplang._syntax.parse import parse
from pplang.cli.parser import COMMANDS

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / "pplang" / "_messages"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w[\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Shell sessions in the manual call the command that is being tested, whether or not it is installed.
PRELUDE = f"""set -euo pipefail
pplang() {{ {sys.executable!r} -m pplang "$@"; }}
make() {{ :; }}
"""


def blocks(page: Path, *languages: str) -> list[tuple[str, str]]:
    return [(language, body) for language, body in BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def programs() -> list[pytest.param]:
    return [
        pytest.param(body, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, (_, body) in enumerate(blocks(page, "ppl"), start=1)
    ]


@pytest.mark.parametrize("program", programs())
def test_program_in_the_manual_checks(program: str) -> None:
    pplang.compile_text(program, name="manual.ppl")


@pytest.mark.parametrize("program", programs())
def test_program_in_the_manual_is_formatted(program: str) -> None:
    assert format_file(parse(Source("manual.ppl", program))) == program


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh", "python")], ids=lambda page: page.name)
def test_commands_and_python_of_a_page_run(page: Path, tmp_path: Path) -> None:
    """In their order, in one folder that has the examples."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    so_far = ""
    for language, body in blocks(page, "sh", "python"):
        if language == "sh":
            command = ["bash", "-c", PRELUDE + body]
        else:
            so_far += body
            command = [sys.executable, "-c", so_far]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{body}\n{done.stdout}\n{done.stderr}"


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nrun `make docs`"


def manual() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown_in_use(name: str) -> None:
    sessions = "\n".join(body for page in PAGES for _, body in blocks(page, "sh"))
    assert re.search(rf"\bpplang {name}\b", sessions, re.MULTILINE)


def test_passes_are_named_in_their_order() -> None:
    page = (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")
    (order,) = re.findall(r"The order is fixed: (.*)\.", page)
    assert re.findall(r"`(\w+)`", order) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_is_explained(name: str) -> None:
    assert f"\n## {name}\n" in (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")


def test_every_distribution_and_function_is_in_the_manual() -> None:
    page = (ROOT / "docs" / "reference" / "catalogue.md").read_text(encoding="utf-8")
    missing = [name for name in (*DISTRIBUTIONS, *FUNCTIONS) if f"`{name}" not in page]
    assert not missing


def test_every_code_that_is_raised_is_explained() -> None:
    raised = {
        code for path in (ROOT / "pplang").rglob("*.py") for code in re.findall(r"[\"']([A-Z]\d\d)[\"']", path.read_text(encoding="utf-8"))
    }
    explained = {code for path in MESSAGES.glob("*.md") for code in re.findall(r"^## ([A-Z]\d\d):", path.read_text(encoding="utf-8"), re.M)}
    assert raised - explained == set()
    assert explained - raised == set()


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert not broken
