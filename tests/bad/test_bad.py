"""Every bad program has exactly the message beside it; every code has a program, a section that explains it, and edits that mend."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from update import PROGRAMS, diagnostics_of, message

from pplang._source import Source

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT / "pplang" / "_messages"
ROOMS = ("_check", "_syntax", "_passes")
CODE = re.compile(r'"([ADEFGKLNRTX]\d\d)"')
NOT_AS_FILES = {"L01", "L03"}
"""Models beyond the limits of size, which are made in tests."""
OF_FITTING = re.compile(r"F[1-9]\d")
"""Raised while fitting, not for a model."""


def raised() -> set[str]:
    """The codes that the source of the front end mentions."""
    paths = [path for room in ROOMS for path in (ROOT / "pplang" / room).glob("*.py")]
    return {code for path in paths for code in CODE.findall(path.read_text(encoding="utf-8")) if not OF_FITTING.fullmatch(code)}


def sections() -> dict[str, list[str]]:
    """The examples in the section of each code."""
    found: dict[str, list[str]] = {}
    for page in PAGES.glob("*.md"):
        for part in page.read_text(encoding="utf-8").split("\n## ")[1:]:
            assert re.match(r"[A-Z]\d\d: \S", part), part[:40]
            found[part[:3]] = re.findall(r"```ppl\n(.*?)```", part, flags=re.DOTALL)
    return found


def codes(text: str) -> list[str]:
    return [one.code for one in diagnostics_of(Source("example.ppl", text))]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    assert message(path) == path.with_suffix(".expected").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_has_the_fault_of_its_name(path: Path) -> None:
    assert f"[{path.name[:3]}]" in message(path)


def test_there_are_enough_programs() -> None:
    assert len(PROGRAMS) >= 80


def test_every_code_has_a_program() -> None:
    assert raised() - NOT_AS_FILES - {path.name[:3] for path in PROGRAMS} == set()


def test_every_code_has_a_section() -> None:
    assert raised() - set(sections()) == set()


def test_no_section_explains_a_code_that_does_not_exist() -> None:
    own = {code for code in sections() if code[0] in "ADEGKLNRTX"}
    assert own - raised() == set()


EXAMPLES = [(code, examples) for code, examples in sorted(sections().items()) if code[0] in "ADEGKNRT"]


@pytest.mark.parametrize(("code", "examples"), EXAMPLES, ids=[code for code, _ in EXAMPLES])
def test_examples_of_a_section(code: str, examples: list[str]) -> None:
    wrong, right = examples
    assert set(codes(wrong)) == {code}
    assert not set(codes(right)) - {"F01"}


# What a help proposes really mends its program

MEANT = re.compile(r"did you mean `@?(.*?)`\?")


def mended_by_replacing(path: Path, old: str, new: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    assert old in text
    return codes(text.replace(old, new, 1))


GUESSED = [path for path in PROGRAMS if path.name[0] in "ADNKRT" and "did you mean" in message(path)]


@pytest.mark.parametrize("path", GUESSED, ids=lambda path: path.stem)
def test_what_was_probably_meant(path: Path) -> None:
    """Put in place of what is underlined, the name that was meant mends the fault."""
    text = path.read_text(encoding="utf-8")
    for fault in reversed(diagnostics_of(Source(path.name, text))):
        found = MEANT.search(fault.label)
        assert fault.span is not None
        assert found is not None
        wrong = text[fault.span.start : fault.span.end]
        right = {"@": f"@{found[1]}", '"': f'"{found[1]}"'}.get(wrong[0], found[1])
        if wrong == "8 rely":  # a layer is a width and an activation
            right = f"8 {found[1]}"
        text = text[: fault.span.start] + right + text[fault.span.end :]
    assert path.name[:3] not in codes(text)


EDITS = [
    ("D01_whole_table", "Normal(a + b", "Normal(a[county[i]] + b", "a[county[i]]"),
    ("D01_column_without_its_row", "b * floor,", "b * floor[i],", "floor[i]"),
    ("D02_wrong_set", "beta[i, slope]", "beta[county[i], slope]", "county[i]"),
    ("D02_indices_in_the_wrong_order", "ease[item[n], pupil[n]]", "ease[pupil[n], item[n]]", ""),
    ("D03_bare_axis", "mu[Coef]", "mu[k in Coef]", ""),
    ("D03_one_bare_axis_of_two", "b[g in Group, Coef]", "b[g in Group, k in Coef]", ""),
    ("D04_joint_split", "R[a in Coef, b in Coef]", "R[Coef, Coef]", ""),
    ("D04_simplex_split", "w[k in Cluster]", "w[Cluster]", ""),
    ("D08_number_for_a_table", "softmax(w[slope])", "softmax(w)", "leave out the index: w"),
    ("D08_reduction_of_a_number", "sum(x[i])", "sum(x[r] for r in Row)", ""),
    ("D13_distribution_as_a_value", "mu = Normal(0, 1)", "mu ~ Normal(0, 1)", ""),
    ("D16_group_without_its_column", "  log_radon : real", "  county : County\n  log_radon : real", "county : County"),
    ("G01_itself_at_the_same_time", "level[t] + 1, 1)", "level[t-1] + 1, 1)\n  starting Normal(0, 10)", "level[t-1]"),
    ("K01_scale_may_be_negative", "Normal(mu, b)", "Normal(mu, exp(b))", "exp(b)"),
    ("K01_scale_may_be_negative", "b  ~ Normal(0, 1)", "b  ~ HalfNormal(1)", "HalfNormal(1)"),
    ("K01_probability_outside", "Bernoulli(b * x[i])", "Bernoulli(logit = b * x[i])", ""),
    ("K01_rate_may_be_negative", "Poisson(a + b * x[i])", "Poisson(log = a + b * x[i])", ""),
    ("K02_number_for_a_truth", "if x[i] then", "if x[i] > 0 then", "x[i] > 0"),
    ("K04_order_of_an_unordered_set", "index Grade =", "index Grade ordered =", ""),
    ("K05_whole_numbers_in_a_real_column", "y : real", "y : count", ""),
    ("K05_truth_in_a_real_column", "relapse : real", "relapse : bool", ""),
    ("K06_declared_positive_is_not", "= b * x[i]", "= positive(b * x[i])", "positive(b * x[i])"),
    ("K06_type_on_a_draw", ": positive ~ Normal(0, 1)", "~ Truncated(Normal(0, 1), lower = 0)", "Truncated(Normal(0, 1), lower = 0)"),
    ("K07_flat_in_a_wrapper", "Truncated(Flat(), lower = 0)", "Flat(lower = 0)", ""),
    ("N15_not_a_set", "index Coef = 3", "index Coef = 1..3", ""),
    ("N18_which_columns", "x[Gene] : real", 'x[Gene] : real from "x_*"', ""),
    ("N19_many_columns_without_an_axis", 'x : real from "gene_*"', 'x[Gene] : real from "gene_*"', ""),
    ("N21_bounds_in_the_wrong_order", "real(4, 0)", "real(0, 4)", ""),
    ("R04_two_upper_bounds", "restrict a < b\nrestrict a < c", "restrict a < min(b, c)", ""),
    ("R06_guide_over_another_set", "a[i in Row]", "a[g in Group]", ""),
    ("T01_no_beginning", "Normal(level[t-1], s)", "Normal(level[t-1], s)\n  starting Normal(0, 10)", "starting Normal(0, 10)"),
    ("T02_no_order", "data Week:", "data Week ordered by date:", ""),
    ("T02_no_order_of_an_index", "index Age = {young, middle, old}", "index Age ordered = {young, middle, old}", ""),
    ("T08_order_may_be_empty", "date?", "date", "without `?`"),
    ("T09_within_a_number", "patient : count", "patient : Patient", ""),
    ("E01_count_without_end", "Poisson(lambda)", "Truncated(Poisson(lambda), upper = 100)", ""),
]


@pytest.mark.parametrize(("name", "old", "new", "said"), EDITS, ids=[f"{one[0]}-{n}" for n, one in enumerate(EDITS)])
def test_the_proposed_edit(name: str, old: str, new: str, said: str) -> None:
    """`said`: what of the new text stands in the message; all of it where that is empty."""
    path = Path(__file__).parent / f"{name}.ppl"
    code = name[:3]
    assert code in codes(path.read_text(encoding="utf-8"))
    assert (said or new) in message(path)
    assert code not in mended_by_replacing(path, old, new)
