"""The demos in the real browser: driven by mouse, finger and keyboard, their numbers checked against torch and course_lib."""

from __future__ import annotations

import random
from itertools import product

import pytest
import torch
import torch.nn.functional as F
import yaml
from built import ROOT
from driven import exported, said, started, state
from playwright.sync_api import Page, expect

from course_lib import ops

DEMOS = yaml.safe_load((ROOT / "book" / "demos.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", DEMOS)
def test_it_starts_where_it_belongs(name: str, phone: Page, address: str) -> None:
    problems: list[str] = []
    phone.on("pageerror", lambda error: problems.append(str(error)))
    phone.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    phone.goto(f"{address}lectures/{DEMOS[name]['lecture']}.html")
    demo = phone.locator(f"#demo-{name}")
    demo.scroll_into_view_if_needed()
    expect(demo).to_have_attribute("data-ready", "", timeout=20_000)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the phone"
    assert not problems


@pytest.mark.parametrize("name", DEMOS)
def test_the_keyboard_reaches_every_control(name: str, page: Page, address: str) -> None:
    demo = started(page, address, name)
    controls = demo.locator("button, select, input, [tabindex='0']")
    assert controls.count() >= 2
    controls.first.focus()
    for k in range(controls.count()):
        if controls.nth(k).is_visible() and controls.nth(k).is_enabled():
            assert controls.nth(k).evaluate("element => element === document.activeElement"), controls.nth(k)
            page.keyboard.press("Tab")
    assert all(
        name.strip()
        for name in controls.evaluate_all("all => all.map(e => e.ariaLabel || e.labels?.[0]?.innerText || e.innerText)")
    )


def test_a_demo_that_cannot_start_says_so(page: Page, address: str) -> None:
    page.route("**/demos/arithmetic.mjs", lambda route: route.abort())
    page.goto(f"{address}demos.html")
    page.locator("#demo-arithmetic").scroll_into_view_if_needed()
    expect(page.locator("#demo-arithmetic .demo-note")).to_contain_text("could not start")
    page.unroute_all()


def test_no_rule_of_the_style_is_lost_inside_another(page: Page, address: str) -> None:
    """A brace forgotten makes the rules after it hold for nothing, without a word."""
    page.goto(f"{address}demos.html")
    inside = page.evaluate("""() => [...document.styleSheets].filter(sheet => sheet.href?.includes("demos/demos.css"))
      .map(sheet => [...sheet.cssRules].filter(rule => rule.type === CSSRule.STYLE_RULE && rule.cssRules.length)
        .map(rule => rule.selectorText))""")
    assert inside == [[]]


# Convolution arithmetic


def test_arithmetic_equals_torch(page: Page, address: str) -> None:
    started(page, address, "arithmetic")
    torch.manual_seed(0)
    sizes = product((2, 5, 9), (1, 2, 3, 5), (1, 2, 3), (0, 1, 3), (1, 2, 3))
    for side, kernel, stride, padding, dilation in sizes:
        x, w = torch.randn(side, side, dtype=torch.float64), torch.randn(kernel, kernel, dtype=torch.float64)
        how = {"stride": stride, "padding": padding, "dilation": dilation}
        for transposed, function, peer in (
            (False, "convolve", F.conv2d),
            (True, "stamp", F.conv_transpose2d),
        ):
            says = {**how, "side": side, "kernel": kernel, "transposed": transposed}
            n = exported(page, "arithmetic", "demo.outputSide(value)", says)
            try:
                want = peer(x[None, None], w[None, None], **how)[0, 0]
            except RuntimeError:
                assert n < 1, says
                continue
            assert n == want.shape[0], says
            got = exported(page, "arithmetic", f"demo.{function}(...value)", [x.tolist(), w.tolist(), how])
            torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), want)


def test_arithmetic_by_mouse_and_keyboard(page: Page, address: str) -> None:
    demo = started(page, address, "arithmetic")
    assert said(demo).startswith("Output (1, 1) =")
    demo.get_by_role("button", name="Step").click()
    assert state(demo)["step"] == 1
    stride = demo.get_by_role("slider", name="Stride")
    stride.focus()
    page.keyboard.press("ArrowRight")
    assert (state(demo)["stride"], state(demo)["output"], state(demo)["step"]) == (2, 2, 0)
    demo.get_by_role("combobox", name="Layer").select_option("transposed")
    assert state(demo)["output"] == 11
    expect(demo).to_contain_text("= (5 − 1) · 2 − 2 · 0 + 1 · (3 − 1) + 1 = 11")
    demo.get_by_role("button", name="Play").click()
    expect(demo.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function("demo => demo.state.step >= 2", arg=demo.element_handle())


def test_arithmetic_says_why_nothing_fits(phone: Page, address: str) -> None:
    demo = started(phone, address, "arithmetic")
    demo.get_by_role("slider", name="Filter").fill("5")
    demo.get_by_role("slider", name="Dilation").fill("2")
    assert "reaches over 9 numbers, the padded input has only 5" in said(demo)
    demo.get_by_role("button", name="Step").tap()
    assert state(demo)["step"] == 0


# The filter bench


@pytest.mark.parametrize("border", ["zero", "wrap", "copy", "reflect"])
def test_filters_equal_course_lib(border: str, page: Page, address: str) -> None:
    started(page, address, "filters")
    torch.manual_seed(1)
    for k, flip in product((1, 3, 5), (False, True)):
        x, w = torch.rand(7, 9, dtype=torch.float64), torch.randn(k, k, dtype=torch.float64)
        how = {"border": border, "flip": flip}
        got = exported(page, "filters", "[...demo.filtered(...value)]", [x.flatten().tolist(), 9, w.tolist(), how])
        applied = w.flip(0, 1) if flip else w
        want = ops.conv2d(x[None, None], applied[None, None], padding=k // 2, border=border)[0, 0]
        torch.testing.assert_close(torch.tensor(got, dtype=torch.float64).view(7, 9), want)


def test_presets_are_what_the_lecture_says(page: Page, address: str) -> None:
    started(page, address, "filters")
    filters = exported(
        page,
        "filters",
        "[3, 5].map(k => Object.fromEntries(Object.entries(demo.FILTERS).map(([n, f]) => [n, f[1](k)])))",
    )
    for k, of in zip((3, 5), filters):
        totals = {name: torch.tensor(w).sum().item() for name, w in of.items()}
        for name in ("identity", "shift", "box", "gauss", "sharpen"):
            assert totals[name] == pytest.approx(1), name
        for name in ("vertical", "horizontal", "laplace"):
            assert totals[name] == 0, name
        delta = torch.zeros(k, k)
        delta[k // 2, k // 2] = 2
        torch.testing.assert_close(torch.tensor(of["sharpen"]), delta - 1 / k**2)
    assert filters[0]["vertical"] == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]


def test_filter_bench_by_hand(phone: Page, address: str) -> None:
    demo = started(phone, address, "filters")
    demo.get_by_role("combobox", name="Filter").select_option("box")
    box = state(demo)
    assert box["total"] == pytest.approx(1) and 0 <= box["low"] < box["high"] <= 1
    demo.get_by_role("spinbutton", name="row 2, column 2").fill("-1")
    assert state(demo)["filter"][1][1] == -1
    assert demo.get_by_role("combobox", name="Filter").input_value() == "own"
    demo.get_by_role("spinbutton", name="row 2, column 2").fill("")  # half typed: the last number stays
    assert state(demo)["filter"][1][1] == -1
    demo.get_by_role("combobox", name="Side").select_option("5")
    assert demo.get_by_role("spinbutton").count() == 25
    assert state(demo)["filter"][2][2] == 1 and "add up to 1:" in said(demo)


# Receptive field


def test_fields_equal_course_lib(page: Page, address: str) -> None:
    demo = started(page, address, "field")
    draw = random.Random(0)
    for _ in range(30):
        chain = [(draw.randint(1, 7), draw.randint(1, 3), draw.randint(1, 3)) for _ in range(draw.randint(1, 5))]
        told = [{"kernel": k, "stride": s, "dilation": d} for k, s, d in chain]
        got = exported(page, "field", "demo.fields(value)", told)
        windows = [ops.Window(k, stride=s, dilation=d) for k, s, d in chain]
        want = [ops.receptive_field(windows[: n + 1]) for n in range(len(chain))]
        assert [(field["size"], field["jump"]) for field in got] == [tuple(field) for field in want]
        # Paths: the gradient of a stack of filters of ones, one unit wide on top.
        x = torch.zeros(1, 1, got[-1]["size"], dtype=torch.float64, requires_grad=True)
        y = x
        for k, s, d in chain:
            y = F.conv1d(y, x.new_ones(1, 1, k), stride=s, dilation=d)
        (gradient,) = torch.autograd.grad(y.squeeze(), x)
        assert exported(page, "field", "demo.paths(value)", told) == gradient.flatten().tolist()
    demo.get_by_role("combobox", name="Network").select_option("vgg")
    assert state(demo)["fields"][-1] == {"size": 212, "jump": 32}


def test_field_by_hand(phone: Page, address: str) -> None:
    demo = started(phone, address, "field")
    assert state(demo)["fields"][-1] == {"size": 16, "jump": 4}  # LeNet-5, as in lecture 04
    demo.get_by_role("button", name="Add a layer on top").tap()
    assert state(demo)["fields"][-1] == {"size": 24, "jump": 4}
    demo.get_by_role("spinbutton", name="layer 5, dilation").fill("5")
    assert state(demo)["fields"][-1]["size"] == 56 and "gaps" in said(demo)
    demo.get_by_role("spinbutton", name="layer 5, dilation").fill("-3")  # refused: the last number stays
    assert state(demo)["fields"][-1]["size"] == 56
    for _ in range(7):
        demo.get_by_role("button", name="Remove the top").tap()
    assert len(state(demo)["fields"]) == 1
