"""The networks that run in the page: their numbers against course_lib's, drawn and chosen by mouse, finger and keyboard, and bad input."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import axe_playwright_python
import networks
import pytest
import torch
import torch.nn.functional as F
from browser import QuietHandler, served
from built import ROOT, SITE
from driven import exported, said, started, state, wait
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from course_lib import models, understand
from course_lib.data import datasets
from course_lib.models import efficientnet_lite

FILES = SITE / "_static" / "demos"
PLAIN = "Object.fromEntries(Object.entries({}).map(([name, numbers]) => [name, [...numbers]]))"
CLOSE = {"atol": 1e-4, "rtol": 0}


@pytest.fixture(scope="module")
def lenet() -> networks.EveryLayer:
    """The network of lecture 04."""
    return networks.lenet5(ROOT).eval()


@pytest.fixture(scope="module")
def lite() -> models.EfficientNetLite:
    return models.efficientnet_lite0(pretrained=True).eval()


def coffee() -> Image.Image:
    """A photograph that is wider than high."""
    image = Image.open(FILES / "photographs" / "coffee.webp")
    assert image.width > image.height
    return image.convert("RGB")


def jpeg(image: Image.Image, **options: object) -> bytes:
    memory = BytesIO()
    image.save(memory, "jpeg", quality=95, **options)
    return memory.getvalue()


def give(demo: Locator, name: str, data: bytes) -> None:
    """Choose a file with these bytes."""
    payload = {"name": name, "mimeType": "image/jpeg", "buffer": data}
    demo.get_by_label("Your photograph").set_input_files(files=[payload])


def seen(page: Page, demo: Locator, name: str) -> dict[str, float]:
    """Shares of the five likeliest classes, once the demo has looked at this photograph."""
    numbers = wait(page, demo, f"state.photograph === {name!r} && state.chosen !== null")
    return {one["name"]: one["share"] for one in numbers["top"]}


# Their numbers


def test_every_layer_of_lenet_is_pytorchs(lenet: networks.EveryLayer, page: Page, address: str) -> None:
    started(page, address, "garment")
    garments = datasets.load("fashion_mnist", "test").inputs()[:3]
    torch.manual_seed(0)
    for x in (*garments[:, None], torch.zeros(1, 1, 28, 28), 3 * torch.randn(1, 1, 28, 28)):
        got = exported(page, "garment", PLAIN.format("await demo.layers(value)"), x.flatten().tolist())
        assert set(got) == set(lenet.names)
        with torch.no_grad():
            for name, want in zip(lenet.names, lenet(x)):
                torch.testing.assert_close(
                    torch.tensor(got[name], dtype=torch.float32),
                    want.flatten(),
                    **CLOSE,
                    msg=lambda why, name=name: f"{name}: {why}",
                )
    with torch.no_grad():
        model = models.LeNet5()
        model.load_state_dict(lenet.state_dict())
        assert torch.equal(lenet(x)[-1], model.eval()(x)), "the layers in turn are not the network"


def test_logits_and_maps_of_lite0_are_course_libs(lite: models.EfficientNetLite, page: Page, address: str) -> None:
    started(page, address, "see")
    cat = datasets.photograph("cat")[None, :, :, 75:375]
    cat = F.interpolate(cat, size=224, mode="bilinear", antialias=True)
    torch.manual_seed(0)
    for image in (cat, torch.rand(1, 3, 224, 224)):
        x = (image - efficientnet_lite.MEAN) / efficientnet_lite.STD
        got = exported(page, "see", PLAIN.format("await demo.seen(value)"), x.flatten().tolist())
        maps = torch.tensor(got["cam"], dtype=torch.float32).view(1000, 7, 7)
        with torch.no_grad():
            features = lite.features(x)
            torch.testing.assert_close(torch.tensor(got["logits"]), lite(x)[0], **CLOSE)
            for label in (*lite(x)[0].topk(5).indices.tolist(), 0, 999):
                torch.testing.assert_close(maps[label], understand.cam(features, lite._fc, label)[0], **CLOSE)


@pytest.mark.parametrize(("old", "new"), [(7, 224), (300, 224), (224, 224), (97, 32), (5, 7)])
def test_resizing_is_torchs(old: int, new: int, page: Page, address: str) -> None:
    started(page, address, "see")
    torch.manual_seed(old)
    x = torch.rand(old, old)
    got = exported(page, "see", "[...demo.resized(...value)]", [x.flatten().tolist(), old, new])
    want = F.interpolate(x[None, None], size=new, mode="bilinear", antialias=True)[0, 0]
    torch.testing.assert_close(torch.tensor(got).view(new, new), want, atol=1e-5, rtol=0)


def test_a_photograph_becomes_the_input_that_the_network_was_trained_on(page: Page, address: str) -> None:
    started(page, address, "see")
    picture = coffee()  # without loss, so that both decode the same pixels
    memory = BytesIO()
    picture.save(memory, "png")
    expression = """await (async () => {
      const bytes = Uint8Array.from(atob(value), (byte) => byte.charCodeAt(0));
      const square = await demo.middle(new Blob([bytes]));
      const pixels = square.getContext("2d").getImageData(0, 0, square.width, square.height).data;
      return [...demo.input(pixels, square.width)];
    })()"""
    got = torch.tensor(exported(page, "see", expression, b64encode(memory.getvalue()).decode())).view(3, 224, 224)
    width, height = picture.size
    pixels = torch.tensor(list(picture.tobytes()), dtype=torch.float32).view(height, width, 3).permute(2, 0, 1) / 255
    left = (width - height) // 2
    x = F.interpolate(pixels[None, :, :, left : left + height], size=224, mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(got, (x - efficientnet_lite.MEAN) / efficientnet_lite.STD, atol=1e-4, rtol=0)


# Draw a garment


def drawn_shares(lenet: networks.EveryLayer, numbers: dict) -> torch.Tensor:
    """What PyTorch makes of the drawing that a state holds."""
    data = datasets.load("fashion_mnist", "test")
    x = (torch.tensor(numbers["pixels"]).float().view(1, 1, 28, 28) / 255 - data.mean[0]) / data.std[0]
    with torch.no_grad():
        return lenet(x)[-1].softmax(1)[0]


def test_garment_by_mouse(lenet: networks.EveryLayer, page: Page, address: str) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.rpartition("/")[2]))
    demo = started(page, address, "garment")
    assert "14 MB" in said(demo) and not {"runtime.mjs", "runtime.wasm", "lenet5.onnx"} & set(fetched)
    demo.get_by_role("combobox", name="Begin with").select_option(label="Trouser")
    numbers = wait(page, demo, "state.answer")
    assert {"runtime.mjs", "runtime.wasm", "lenet5.onnx"} < set(fetched)
    data = datasets.load("fashion_mnist", "test")
    assert numbers["pixels"] == data.images[(data.labels == 1).nonzero()[0]].flatten().tolist()
    torch.testing.assert_close(torch.tensor(numbers["chances"]), drawn_shares(lenet, numbers), **CLOSE)
    expect(demo.get_by_role("status")).to_contain_text("It takes this for: Trouser")
    demo.get_by_role("button", name="Clear").click()
    assert not any(state(demo)["pixels"])
    surface = demo.locator(".demo-surface")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 * box["width"] / 4, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    pixels = torch.tensor(state(demo)["pixels"]).view(28, 28)
    assert (pixels[13:15, 7:21] == 204).all() and not pixels[:11].any() and not pixels[17:].any()  # 80 % of 255
    page.mouse.move(box["x"], box["y"])  # not pressed: nothing is drawn
    assert torch.equal(torch.tensor(state(demo)["pixels"]).view(28, 28), pixels)
    demo.get_by_role("button", name="Slide it to the right").click()
    assert torch.equal(torch.tensor(state(demo)["pixels"]).view(28, 28), pixels.roll(1, 1))
    demo.get_by_role("combobox", name="Pen").select_option("erase")
    demo.get_by_role("slider", name="Width").fill("6")
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    assert not torch.tensor(state(demo)["pixels"]).view(28, 28)[:, 8:].any()


def test_a_boot_that_slides_is_soon_something_else(page: Page, address: str) -> None:
    demo = started(page, address, "garment")
    demo.get_by_role("combobox", name="Begin with").select_option(label="Ankle boot")
    wait(page, demo, "state.answer === 'Ankle boot'")
    for _ in range(6):
        demo.get_by_role("button", name="Slide it to the right").click()
    wait(page, demo, "state.answer !== 'Ankle boot'")


def test_garment_by_keyboard(lenet: networks.EveryLayer, page: Page, address: str) -> None:
    demo = started(page, address, "garment")
    demo.locator(".demo-surface").focus()
    height = page.evaluate("scrollY")
    page.keyboard.press("ArrowUp")
    assert state(demo)["pen"] == [14.5, 13.5] and not any(state(demo)["pixels"])
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    pixels = torch.tensor(state(demo)["pixels"]).view(28, 28)
    assert (pixels[13, 9:15] == 204).all() and state(demo)["pen"] == [9.5, 14.5] and not pixels[16:].any()
    assert page.evaluate("scrollY") == height, "the page moved with the pen"
    wait(page, demo, "state.answer")
    page.wait_for_timeout(200)  # the last stroke may be one picture ahead of the answer
    numbers = state(demo)
    torch.testing.assert_close(torch.tensor(numbers["chances"]), drawn_shares(lenet, numbers), **CLOSE)
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    assert state(demo)["pen"] == [27.5, 14.5]


def test_garment_by_finger_and_without_a_network(phone: Page, address: str) -> None:
    demo = started(phone, address, "garment")
    surface = demo.locator(".demo-surface")
    surface.scroll_into_view_if_needed()
    box, height = surface.bounding_box(), phone.evaluate("scrollY")
    finger = phone.context.new_cdp_session(phone)
    x = box["x"] + box["width"] / 2
    for kind, share in (("touchStart", 0.2), ("touchMove", 0.5), ("touchMove", 0.8), ("touchEnd", None)):
        places = [] if share is None else [{"x": x, "y": box["y"] + share * box["height"]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    wait(phone, demo, "state.answer")
    drawn = torch.tensor(state(demo)["pixels"]).view(28, 28)
    assert (drawn[7:21, 13:15] == 204).all() and not drawn[:, :11].any()
    assert phone.evaluate("scrollY") == height, "the page moved with the finger"
    phone.context.set_offline(True)
    demo.get_by_role("combobox", name="Begin with").select_option(label="Bag")
    wait(phone, demo, "state.answer === 'Bag'")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


# What does it see?


def test_see_by_mouse_and_keyboard(page: Page, address: str) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    demo = started(page, address, "see")
    assert "33 MB" in said(demo) and not any(url.endswith((".onnx", ".wasm")) for url in fetched)
    demo.get_by_role("button", name="cat").click()
    shares = seen(page, demo, "cat")
    assert next(iter(shares)) == "Egyptian cat" and len(shares) == 5 and sum(shares.values()) <= 1
    expect(demo.get_by_role("status")).to_contain_text("It sees Egyptian cat")
    second = demo.locator(".demo-bars button").nth(1)
    second.focus()
    page.keyboard.press("Enter")
    assert state(demo)["chosen"] == state(demo)["top"][1]["index"]
    assert second.get_attribute("aria-pressed") == "true" and "It also considers" in said(demo)
    label = "canvas => canvas.getAttribute('aria-label')"
    assert list(shares)[1] in demo.locator("canvas").evaluate(label)
    opacity = demo.get_by_role("slider", name="Map over photograph")
    centre = "canvas => [...canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data]"
    colours = set()
    for value in ("0", "100"):
        opacity.fill(value)
        colours.add(tuple(demo.locator("canvas").evaluate(centre)))
    assert len(colours) == 2
    assert all(url.startswith((address, "data:", "blob:")) for url in fetched), "something left the page"


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket", "camera"])
def test_see_finds_what_is_there(name: str, page: Page, address: str) -> None:
    demo = started(page, address, "see")
    demo.get_by_role("button", name=name).click()
    seen(page, demo, name)
    assert {one["index"] for one in state(demo)["top"][:3]} & set(datasets.PHOTOGRAPHS[name])


def test_both_networks_at_once(page: Page, address: str) -> None:
    """The runtime starts once and does one thing at a time, whoever asks."""
    demo = started(page, address, "see")
    both = "(await Promise.all([garment.layers(Array(784).fill(0)), demo.seen(Array(3 * 224 * 224).fill(0))])).map(o => Object.keys(o).length)"
    garment = "const garment = await import(new URL('_static/demos/garment.mjs', document.baseURI))"
    assert exported(page, "see", f"await (async () => {{ {garment}; return {both}; }})()") == [12, 2]
    demo.get_by_role("button", name="cat").click()
    seen(page, demo, "cat")


def test_see_by_finger_and_the_last_choice_wins(phone: Page, address: str) -> None:
    demo = started(phone, address, "see")
    demo.get_by_role("button", name="rocket").tap()
    demo.get_by_role("button", name="coffee").tap()
    assert next(iter(seen(phone, demo, "coffee"))) == "espresso"
    phone.wait_for_timeout(300)
    assert state(demo)["photograph"] == "coffee" and not state(demo)["busy"]
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_see_takes_what_is_dropped_and_pasted(way: str, page: Page, address: str) -> None:
    demo = started(page, address, "see")
    script = """(demo, [way, text]) => {
      const bytes = Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
      const carried = new DataTransfer();
      carried.items.add(new File([bytes], "mine.jpg", { type: "image/jpeg" }));
      const options = { bubbles: true, cancelable: true };
      const event = way === "drop" ? new DragEvent("drop", { ...options, dataTransfer: carried })
        : new ClipboardEvent("paste", { ...options, clipboardData: carried });
      (way === "drop" ? demo.querySelector(".demo-stage") : document.body).dispatchEvent(event);
    }"""
    demo.evaluate(script, [way, b64encode(jpeg(coffee())).decode()])
    assert next(iter(seen(page, demo, "mine.jpg" if way == "drop" else "the pasted picture"))) == "espresso"


def test_see_turns_a_photograph_as_its_camera_was_held(page: Page, address: str) -> None:
    demo = started(page, address, "see")
    upright, lying = coffee(), coffee().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise to see it upright
    shares = {}
    for name, data in (
        ("upright.jpg", jpeg(upright)),
        ("turned.jpg", jpeg(lying, exif=exif)),
        ("lying.jpg", jpeg(lying)),
    ):
        give(demo, name, data)
        shares[name] = seen(page, demo, name)
    assert list(shares["turned.jpg"])[:2] == list(shares["upright.jpg"])[:2]
    assert shares["turned.jpg"]["espresso"] == pytest.approx(shares["upright.jpg"]["espresso"], abs=0.01)
    assert abs(shares["lying.jpg"].get("espresso", 0) - shares["upright.jpg"]["espresso"]) > 0.02


def test_see_refuses_in_sentences(page: Page, address: str, tmp_path: Path) -> None:
    demo = started(page, address, "see")
    status = demo.get_by_role("status")
    give(demo, "notes.jpg", b"this is no photograph")
    expect(status).to_contain_text("notes.jpg is no picture that your browser can read. JPEG, PNG, WebP and GIF work.")
    give(demo, "half.jpg", b"")
    expect(status).to_contain_text("half.jpg is no picture")
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    demo.get_by_label("Your photograph").set_input_files(large)
    expect(status).to_contain_text("large.jpg has 50 MB. The limit is 30 MB; it was not read.")
    assert state(demo)["photograph"] is None
    give(demo, "press.jpg", jpeg(coffee().convert("CMYK")))  # and after all that it still looks
    assert next(iter(seen(page, demo, "press.jpg"))) == "espresso"


@pytest.mark.parametrize("view", ["light-desktop", "dark-phone"])
@pytest.mark.parametrize(("name", "begin"), [("garment", "Slide it to the right"), ("see", "cat")])
def test_accessible_once_it_has_answered(
    name: str, begin: str, view: str, views: dict[str, Page], address: str
) -> None:
    page = views[view]
    demo = started(page, address, name)
    demo.get_by_role("button", name=begin).click()
    wait(page, demo, "state.answer || state.chosen !== undefined && state.chosen !== null")
    page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    rules = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = demo.evaluate("async (demo, runOnly) => (await axe.run(demo, { runOnly })).violations", rules)
    assert not [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in found]


# What the browser or the server lacks


def test_without_simd_a_sentence_and_the_rest_of_the_page(phone: Page, address: str) -> None:
    phone.add_init_script("WebAssembly.validate = () => false")
    phone.goto(f"{address}demos.html")
    for name in ("garment", "see"):
        demo = phone.locator(f"#demo-{name}")
        demo.scroll_into_view_if_needed()
        expect(demo.locator(".demo-note")).to_contain_text("it lacks the SIMD instructions of WebAssembly")
        expect(demo.locator(".demo-note")).to_contain_text("The text around it holds without it.")
    expect(phone.locator("#demo-train")).to_have_attribute("data-ready", "")


@pytest.mark.parametrize(("name", "lost"), [("garment", "lenet5.onnx"), ("see", "runtime.wasm")])
def test_a_network_that_does_not_come_can_be_asked_for_again(name: str, lost: str, phone: Page, address: str) -> None:
    demo = started(phone, address, name)
    phone.route(f"**/{lost}", lambda route: route.abort())

    def begin() -> None:
        if name == "garment":
            demo.get_by_role("button", name="Slide it to the right").click()
        else:
            demo.get_by_role("button", name="cat").click()

    begin()
    expect(demo.get_by_role("status")).to_contain_text("The network could not be loaded", timeout=20_000)
    phone.unroute_all()
    begin()
    wait(phone, demo, "state.answer || state.chosen")


class Elsewhere(QuietHandler):
    """The site in a folder, on a server that has not heard of WebAssembly."""

    extensions_map = {**QuietHandler.extensions_map, ".wasm": "text/plain"}  # noqa: RUF012

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/2026f") if path.startswith("/2026f/") else "/nowhere")


@pytest.fixture
def elsewhere(site: Path) -> Iterator[str]:
    with served(site, Elsewhere) as address:
        yield f"{address}2026f/"


def test_below_a_folder_of_a_plain_server(phone: Page, elsewhere: str) -> None:
    problems: list[str] = []
    phone.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    demo = started(phone, elsewhere, "garment")
    demo.get_by_role("combobox", name="Begin with").select_option(label="Ankle boot")
    wait(phone, demo, "state.answer === 'Ankle boot'")
    assert not problems
