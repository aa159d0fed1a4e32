"""The demos that learn: their arithmetic against course_lib and torch, and that they learn in the real browser, by mouse, finger and keyboard."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from driven import exported, started, state, wait
from playwright.sync_api import Locator, Page, expect
from sklearn.datasets import load_digits
from torch import Tensor, nn

from course_lib.models import Perceptron

torch.set_num_threads(1)


# The perceptron


def weights_on_the_way(points: Tensor, labels: Tensor, passes: int) -> list[list[float]]:
    """course_lib's perceptron, one example at a time: weights and bias at the start and after every correction."""
    unit = Perceptron(2).double()
    path = [[0.0, 0.0, 0.0]]
    for _ in range(passes):
        mistakes = 0
        for x, y in zip(points, labels):
            (wrong,) = unit.learn(x[None], y[None], epochs=1)
            if wrong:
                path.append([*unit.weight.tolist(), unit.bias.item()])
            mistakes += wrong
        if mistakes == 0:
            break
    return path


@pytest.mark.parametrize("separable", [True, False])
def test_perceptron_makes_the_corrections_of_the_course(separable: bool, page: Page, address: str) -> None:
    started(page, address, "perceptron")
    generator = torch.Generator().manual_seed(4)
    for _ in range(12):
        points = torch.randint(-96, 97, (15, 2), generator=generator).double() / 32  # exact sums, so exact signs
        line = torch.randn(3, generator=generator, dtype=torch.float64)
        by_line, at_random = points @ line[:2] + line[2] > 0, torch.rand(15, generator=generator) < 0.5
        labels = (by_line if separable else at_random).long()
        rows = [[*point, label] for point, label in zip(points.tolist(), labels.tolist())]
        assert exported(page, "perceptron", "demo.path(value, 20)", rows) == weights_on_the_way(points, labels, 20)


def test_perceptron_finds_both_gaps_but_never_xor(page: Page, address: str) -> None:
    demo = started(page, address, "perceptron")
    needed = [
        exported(page, "perceptron", f"demo.path(demo.preset('{name}'), 200).length - 1") for name in ("wide", "narrow")
    ]
    assert needed[0] > 5 and 3 * needed[0] < needed[1] < 200
    for _ in range(needed[0] + 1):
        demo.get_by_role("button", name="Step").click()
    assert state(demo)["run"]["done"] and state(demo)["wrong"] == 0
    assert demo.get_by_role("status").inner_text().startswith("A whole pass without a mistake")
    demo.get_by_role("combobox", name="Points").select_option("xor")
    assert state(demo)["run"]["mistakes"] == 0
    demo.get_by_role("button", name="Play").click()
    assert not wait(page, demo, "state.circle")["run"]["done"]
    assert "no line separates" in demo.get_by_role("status").inner_text()
    demo.get_by_role("button", name="Pause").click()


def test_perceptron_by_keyboard_and_mouse(page: Page, address: str) -> None:
    demo = started(page, address, "perceptron")
    point = demo.locator(".perceptron-point").nth(1)
    x1, x2, label = state(demo)["points"][1]
    point.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    assert state(demo)["points"][1] == [x1 - 1 / 32, x2 + 1 / 4, label]
    assert f"class {label}, at" in point.get_attribute("aria-label")
    demo.get_by_role("button", name="Flip class").click()
    assert state(demo)["points"][1][2] == 1 - label
    box = point.locator(".perceptron-shape").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    plane = demo.locator(".perceptron-ground").bounding_box()
    page.mouse.move(plane["x"] + plane["width"] / 2, plane["y"] + plane["height"] / 2, steps=4)
    page.mouse.up()
    assert max(map(abs, state(demo)["points"][1][:2])) < 0.1
    point.focus()
    page.keyboard.press("Delete")
    assert len(state(demo)["points"]) == demo.locator(".perceptron-point").count() == 13
    demo.get_by_role("button", name="Add a triangle").click()
    assert state(demo)["points"][-1][2] == 1 and state(demo)["chosen"] == 13
    for _ in range(14):
        demo.get_by_role("button", name="Remove").click()
    assert "nothing to learn from" in demo.get_by_role("status").inner_text()
    demo.get_by_role("button", name="Step").click()
    assert state(demo)["run"]["passes"] == 0


def test_perceptron_by_finger(phone: Page, address: str) -> None:
    demo = started(phone, address, "perceptron")
    demo.locator(".perceptron-ground").scroll_into_view_if_needed()
    box = demo.locator(".perceptron-point").first.locator(".perceptron-shape").bounding_box()
    finger = phone.context.new_cdp_session(phone)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before, height = state(demo)["points"][0], phone.evaluate("scrollY")
    for kind, down in (("touchStart", 0), ("touchMove", -20), ("touchMove", -40), ("touchEnd", None)):
        places = [] if down is None else [{"x": x, "y": y + down}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    after = wait(phone, demo, f"state.points[0][1] > {before[1] + 0.6}")["points"][0]
    assert abs(after[0] - before[0]) < 0.1
    assert phone.evaluate("scrollY") == height, "the page moved with the point"


# The small network


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "none"])
def test_playground_gradients_equal_autograd(activation: str, page: Page, address: str) -> None:
    started(page, address, "playground")
    bend = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "none": lambda z: z}[activation]
    torch.manual_seed(0)
    for widths in ([1], [5], [8, 3], [4, 8, 2]):
        sizes = [2, *widths, 1]
        layers = [(torch.randn(k, d).double(), torch.randn(k).double()) for d, k in pairwise(sizes)]
        parameters = [part.requires_grad_() for layer in layers for part in layer]
        x, labels = 3 * torch.randn(30, 2).double(), torch.randint(0, 2, (30,))
        h = x
        for weight, bias in layers[:-1]:
            h = bend(h @ weight.T + bias)
        scores = (h @ layers[-1][0].T + layers[-1][1])[:, 0]
        loss = F.binary_cross_entropy_with_logits(scores, labels.double())
        want = [loss[None], scores, *(g.flatten() for g in torch.autograd.grad(loss, parameters))]
        net = [{"weight": weight.flatten().tolist(), "bias": bias.tolist()} for weight, bias in layers]
        code = f"demo.gradients(...value, '{activation}')"
        code = f"(({{loss, scores, gradient}}) => [[loss], [...scores], ...gradient.flatMap(g => [[...g.weight], [...g.bias]])])({code})"
        got = exported(page, "mlp", code, [net, x.flatten().tolist(), labels.tolist()])
        for ours, theirs in zip(got, want, strict=True):
            torch.testing.assert_close(torch.tensor(ours, dtype=torch.float64), theirs.detach(), rtol=1e-10, atol=1e-10)
        answers = exported(
            page, "mlp", f"[...demo.forward(...value, '{activation}').at(-1)]", [net, x.flatten().tolist()]
        )
        torch.testing.assert_close(torch.tensor(answers, dtype=torch.float64), scores.detach(), rtol=1e-10, atol=1e-10)


def test_playground_loss_does_not_overflow(page: Page, address: str) -> None:
    started(page, address, "playground")
    assert exported(page, "mlp", "demo.loss([1000, -1000], [0, 1])") == 1000


def choose(demo: Locator, *, data: str, layers: int, width: int, activation: str) -> None:
    """The small network, set by its controls."""
    demo.get_by_role("combobox", name="Data").select_option(data)
    demo.get_by_role("slider", name="Hidden layers").fill(str(layers))
    demo.get_by_role("slider", name="Units in each").fill(str(width))
    demo.get_by_role("combobox", name="Activation").select_option(activation)
    demo.get_by_role("combobox", name="Speed").select_option("20")


@pytest.mark.parametrize(
    "data, layers, width, activation, most",
    [
        ("xor", 1, 4, "relu", 200),
        ("xor", 1, 4, "tanh", 200),
        ("xor", 2, 4, "sigmoid", 400),
        ("circles", 1, 4, "relu", 400),
        ("circles", 1, 4, "tanh", 400),
        ("spirals", 2, 8, "tanh", 1000),
        ("spirals", 3, 8, "relu", 1000),
        ("blobs", 1, 1, "none", 200),
    ],
)
def test_playground_learns(
    data: str, layers: int, width: int, activation: str, most: int, page: Page, address: str
) -> None:
    demo = started(page, address, "playground")
    choose(demo, data=data, layers=layers, width=width, activation=activation)
    assert state(demo)["step"] == 0
    demo.get_by_role("button", name="Play").click()
    reached = wait(page, demo, f"state.solved || state.step >= {most}")
    demo.get_by_role("button", name="Pause").click()
    assert 0 < reached["solved"] <= most


def test_playground_without_a_bend_fails_on_xor(page: Page, address: str) -> None:
    demo = started(page, address, "playground")
    choose(demo, data="xor", layers=3, width=8, activation="none")
    demo.get_by_role("button", name="Play").click()
    reached = wait(page, demo, "state.step >= 600")
    assert reached["accuracy"] < 0.8 and not reached["solved"]
    assert "straight line" in demo.get_by_role("status").inner_text()


def test_playground_begins_again_the_same(page: Page, address: str) -> None:
    demo = started(page, address, "playground")
    losses = []
    for _ in range(2):
        for _ in range(3):
            demo.get_by_role("button", name="Step").click()
        losses.append(state(demo)["losses"])
        demo.get_by_role("button", name="Restart").click()
    assert losses[0] == losses[1] and len(losses[0]) == 4 and losses[0][3] < losses[0][0]
    demo.get_by_role("button", name="Other weights").click()
    assert state(demo)["losses"] != losses[0][:1]


@pytest.mark.parametrize("name, knob", [("playground", "Units in each"), ("train", "Rate")])
def test_learning_by_finger(name: str, knob: str, phone: Page, address: str) -> None:
    demo = started(phone, address, name)
    assert state(demo)["step"] == 0
    demo.get_by_role("button", name="Play").tap()
    wait(phone, demo, "state.step >= 3")
    demo.get_by_role("button", name="Pause").tap()
    demo.get_by_role("button", name="Restart").tap()
    assert state(demo)["step"] == 0
    slider = demo.get_by_role("slider", name=knob)
    before, box = float(slider.input_value()), slider.bounding_box()
    slider.tap(position={"x": box["width"] - 4, "y": box["height"] / 2})
    assert float(slider.input_value()) > before


# The ConvNet


def test_train_gradients_equal_torch(page: Page, address: str) -> None:
    started(page, address, "train")
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()]
    model = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 10))
    names = ["w1", "b1", "w2", "b2", "w3", "b3"]
    for size in (1, 5):
        for part in model.parameters():
            nn.init.normal_(part, std=0.3)
        images, labels = torch.randn(size, 1, 8, 8), torch.randint(0, 10, (size,))
        loss = F.cross_entropy(model(images), labels)
        want = [loss[None], model(images).flatten(), *torch.autograd.grad(loss, list(model.parameters()))]
        net = {name: part.flatten().tolist() for name, part in zip(names, model.parameters())}
        code = """(([net, images, labels, names]) => {
            for (const name in net) net[name] = Float32Array.from(net[name]);
            images = images.map((image) => Float32Array.from(image));
            const { gradient, loss } = demo.gradients(net, images, labels);
            const scores = images.flatMap((image) => [...demo.forward(net, image)]);
            return [[loss], scores, ...names.map((name) => [...gradient[name]])];
        })(value)"""
        got = exported(page, "convnet", code, [net, images.flatten(1).tolist(), labels.tolist(), names])
        for ours, theirs in zip(got, want, strict=True):
            scale = theirs.abs().max().item()
            torch.testing.assert_close(torch.tensor(ours), theirs.detach().flatten(), rtol=1e-4, atol=1e-4 * scale)


def test_train_takes_the_steps_of_torch(page: Page, address: str) -> None:
    started(page, address, "train")
    w = torch.ones(8 * 9, requires_grad=True)
    theirs = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    for _ in range(3):
        w.grad = w.detach() ** 2
        theirs.step()
    code = """(() => {
        const [net, velocity, gradient] = [demo.zeros(), demo.zeros(), demo.zeros()];
        net.w1.fill(1);
        for (let k = 0; k < 3; k++) { net.w1.forEach((w, i) => { gradient.w1[i] = w * w; }); demo.descend(net, velocity, gradient, 0.1); }
        return [...net.w1];
    })()"""
    torch.testing.assert_close(torch.tensor(exported(page, "convnet", code)), w.detach())


def test_train_reads_the_digits_of_scikit_learn(page: Page, address: str, site: Path) -> None:
    assert (site / "_static" / "demos" / "digits.json").stat().st_size < 150_000
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(f"{address}lectures/04_convnets.html")
    page.wait_for_load_state("networkidle")
    assert "digits.json" not in asked, "the digits were fetched before anyone came near the demo"
    started(page, address, "train")
    assert asked.count("digits.json") == 1
    file = "await (await fetch(document.baseURI.replace(/[^/]*$/, '') + '_static/demos/digits.json')).json()"
    code = f"(({{images, labels}}) => ({{images: images.map((i) => [...i]), labels}}))(demo.unpack({file}))"
    got, digits = exported(page, "convnet", code), load_digits()
    assert torch.equal(torch.tensor(got["images"]), torch.tensor(digits.data).float() / 16)
    assert got["labels"] == digits.target.tolist()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_train_learns_while_the_page_answers(seed: str, page: Page, address: str) -> None:
    demo = started(page, address, "train")
    demo.get_by_role("combobox", name="Seed").select_option(seed)
    assert state(demo)["accuracy"] < 0.3 and state(demo)["step"] == 0
    demo.get_by_role("button", name="Play").click()
    longest = page.evaluate(
        """() => new Promise((done) => {
            let [last, most, left] = [performance.now(), 0, 60];
            const beat = (now) => { most = Math.max(most, now - last); last = now; (left -= 1) ? requestAnimationFrame(beat) : done(most); };
            requestAnimationFrame(beat);
        })"""
    )
    assert longest < 1000, f"the page stood still for {longest:.0f} ms"
    reached = wait(page, demo, "state.reached || state.step >= 1000")
    demo.get_by_role("button", name="Pause").click()
    assert 0 < reached["reached"] <= 1000 and reached["loss"] < 0.5
    assert "more than nine of ten" in demo.get_by_role("status").inner_text()
    assert state(demo)["step"] == state(demo)["step"], "it goes on after Pause"


def test_train_says_so_when_the_rate_breaks_it(page: Page, address: str) -> None:
    demo = started(page, address, "train")
    demo.get_by_role("slider", name="Rate").fill("0")
    assert state(demo)["rate"] == 1
    demo.get_by_role("button", name="Play").click()
    reached = wait(page, demo, "state.step >= 300")
    assert reached["accuracy"] < 0.3
    said = demo.get_by_role("status")
    expect(said).to_contain_text("Take a smaller rate and restart")
    demo.get_by_role("button", name="Restart").click()
    expect(said).to_contain_text("It has not seen a digit yet")
