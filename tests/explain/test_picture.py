"""Pictures: nothing overlaps, arrows run around what they do not join, plates hold their nodes, and no text of the user's is markup."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import pytest

import pplang
from pplang._explain import svg as drawing
from pplang._explain.boxes import Box, absolute
from pplang._explain.layers import routed
from pplang._explain.picture import Node, Picture, picture
from pplang._explain.svg import svg, width
from pplang.cli.main import main

ROOT = Path(__file__).parents[2]
PROGRAMS = [*sorted((ROOT / "tests" / "good").glob("*.ppl")), *sorted((ROOT / "examples").glob("*/*.ppl"))]
Rect = tuple[float, float, float, float]


def picture_of(path: Path) -> Picture:
    return picture(pplang.compile(path).compiled(after="forward"))


def laid_out(shown: Picture) -> tuple[Box, dict[str, Rect], dict[tuple[str, str], list[tuple[float, float]]]]:
    root = drawing._boxes(shown)
    arrows = {(one.parent, one.child): one for one in shown.arrows if one.parent != one.child}
    routes = routed(root, list(arrows), {one.parent: width(one.label, 10.5) for one in arrows.values() if one.label})
    rects: dict[str, Rect] = {}

    def found(box: Box, corner: tuple[float, float], depth: int) -> None:
        rects[box.name] = (*corner, corner[0] + box.width, corner[1] + box.height)

    absolute(root, found)
    return root, rects, routes


def apart(a: Rect, b: Rect) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def within(a: Rect, b: Rect) -> bool:
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


def crosses(points: list[tuple[float, float]], rect: Rect) -> bool:
    """Does the drawn curve enter a rectangle, a hair inside its border?"""
    x0, y0, x1, y1 = rect[0] + 0.5, rect[1] + 0.5, rect[2] - 0.5, rect[3] - 0.5
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        for step in range(21):
            t = step / 20
            across = t * t * (3 - 2 * t)
            down = 1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t**3
            x, y = ax + across * (bx - ax), ay + down * (by - ay)
            if x0 < x < x1 and y0 < y < y1:
                return True
    return False


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nothing_overlaps_and_arrows_run_around_nodes(path: Path) -> None:
    shown = picture_of(path)
    root, rects, routes = laid_out(shown)
    names = {node.name for node in shown.nodes}
    for one, other in itertools.combinations(names, 2):
        assert apart(rects[one], rects[other]), (one, other)

    def inside(box: Box) -> None:
        for item in box.items:
            assert within(rects[item.name], rects[box.name]), (item.name, box.name)
            inside(item)
        for one, other in itertools.combinations(box.items, 2):
            assert apart(rects[one.name], rects[other.name])

    inside(root)
    for (parent, child), points in routes.items():
        for name in names - {parent, child}:
            assert not crosses(points, rects[name]), (parent, child, name)
        ends = {parent: points[0], child: points[-1]}
        for name, (x, y) in ends.items():
            left, top, right, bottom = rects[name]
            assert left <= x <= right
            assert min(abs(y - top), abs(y - bottom)) < 1e-6
    ElementTree.fromstring(svg(shown))


def test_plates_roles_and_labels_of_radon() -> None:
    compiled = pplang.compile(ROOT / "examples" / "radon" / "radon.ppl").compiled()
    shown = picture(compiled, {"County": 85, "Home": 919})
    nodes = {node.name: node for node in shown.nodes}
    assert {name: node.look for name, node in nodes.items() if node.look != "latent"} == {
        "uranium": "data", "floor": "data", "log_radon": "observed", "first_floor": "deterministic",
    }  # fmt: skip
    assert nodes["basement"].sets == ("County",)
    assert nodes["basement"].touched == (("center", "non-centred"),)
    assert nodes["first_floor"].later
    assert "county" not in nodes
    assert {(one.parent, one.label) for one in shown.arrows if one.child == "log_radon"} == {
        ("basement", "county"), ("upstairs", "county"), ("floor", ""), ("sigma", ""),
    }  # fmt: skip
    text = "".join(ElementTree.fromstring(svg(shown)).itertext())
    assert "County (85)" in text
    assert "Home (919)" in text


def test_a_node_inside_two_sets_stands_in_a_plate_of_its_own_inside_one() -> None:
    text = """
data Row:
  y[Visit] : real from "y_*"

a[i in Row] ~ Normal(0, 1)
b[v in Visit] ~ Normal(0, 1)
y[i in Row, v in Visit] ~ Normal(a[i] + b[v], 1)
"""
    shown = picture(pplang.compile_text(text).compiled())
    root, rects, _ = laid_out(shown)
    outer = next(box for box in root.items if box.plate and "a" in {item.name for item in box.items})
    inner = next(box for box in outer.items if box.plate)
    assert inner.name.endswith(":Visit")
    assert [item.name for item in inner.items] == ["y"]
    assert within(rects["y"], rects[inner.name])


def test_texts_of_the_user_are_escaped() -> None:
    label = '</text><script>alert("x")</script>'
    nodes = (Node("a", "latent", ("S",), (label, label), (("center", label),), whole=label), Node("b", "observed", (), ("b",)))
    drawn = svg(Picture(nodes, (), {"S": label}, ("center",)))
    tree = ElementTree.fromstring(drawn)
    assert {element.tag.partition("}")[2] for element in tree.iter()} <= {"svg", "defs", "marker", "path", "rect", "g", "text", "title"}
    assert label in "".join(tree.itertext())
    assert "href" not in drawn


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = (str(ROOT / "examples" / "eight_schools" / f"eight_schools.{kind}") for kind in ("ppl", "csv"))
    target = tmp_path / "schools.svg"
    assert main(["explain", model, data, "--graph", str(target)]) == 0
    first = target.read_text()
    assert "School (8)" in first
    assert main(["explain", model, "--graph", str(target)]) == 1
    assert "O01" in capsys.readouterr().err
    assert main(["explain", model, data, "--graph", str(target), "--force"]) == 0
    assert target.read_text() == first  # the same every time
