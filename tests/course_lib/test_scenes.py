"""The world of scenes: what the numbers decide, and that they decide the same everywhere."""

import dataclasses
import re

import matplotlib.pyplot as plt
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from course_lib.data import scenes
from course_lib.data.scenes import dice, picture, shapes, windows, words

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
TENSORS = [field.name for field in dataclasses.fields(scenes.SceneBatch) if field.name != "world"]


def equal(a: scenes.SceneBatch, b: scenes.SceneBatch, part: slice = slice(None)) -> bool:
    pairs = [(getattr(a, name), getattr(b, name)) for name in TENSORS]
    return all((x is None and y is None) or torch.equal(x, y[part]) for x, y in pairs)


def test_the_mixer_is_splitmix64():
    """The published first number from seed 0 is 0xE220A8397B1DCDAF: the mix of one golden step."""
    assert dice._mix(torch.tensor(dice.GOLDEN)).item() % 2**64 == 0xE220A8397B1DCDAF


def test_dice_are_fair_and_have_addresses():
    numbers = dice.Dice(3, torch.arange(4000)).uniform("any", 5)
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.01) and numbers.var().item() == pytest.approx(
        1 / 12, abs=0.003
    )
    assert numbers.T.corrcoef().fill_diagonal_(0).abs().max() < 0.06
    late = dice.Dice(3, torch.tensor([3999]))
    assert torch.equal(late.uniform("any", 2), numbers[-1:, :2])  # neither the batch nor the count matters
    assert not torch.equal(late.uniform("other", 2), numbers[-1:, :2])
    assert late.integers("whole", 3000, 2, 4)[0].bincount().tolist() == pytest.approx([0, 0, 1000, 1000, 1000], abs=100)


def test_pixel_noise_is_arithmetic_modulo_2_to_the_32():
    def by_hand(x: int, key: int) -> int:
        x = (x * 0x27D4EB2D) % 2**32 ^ key
        x = ((x ^ x >> 15) * 0x2C1B3C6D) % 2**32
        x = ((x ^ x >> 12) * 0x297A2D39) % 2**32
        return x ^ x >> 15

    bits = dice.pixel_noise(torch.tensor([0, 12345, 2**31 - 1]), 3)
    assert (bits.long() % 2**32).tolist() == [
        [[by_hand(3 * r + c, k) for c in range(3)] for r in range(3)] for k in (0, 12345, 2**31 - 1)
    ]


def test_distances_by_hand():
    """The ends of each shape on its own axes, top, right, bottom, left, and a point whose distance is known."""
    ends = dict(zip(shapes.SHAPES, shapes.KEYPOINT_PLACES[:, 2:]))
    assert ends["disc"].tolist() == [
        [0, pytest.approx(-0.9, abs=2e-4)],
        [pytest.approx(0.9, abs=2e-4), 0],
        [0, pytest.approx(0.9, abs=2e-4)],
        [pytest.approx(-0.9, abs=2e-4), 0],
    ]
    top_and_bottom = {
        "ring": (-0.95, 0.95),
        "square": (-0.75, 0.75),
        "triangle": (-1, 0.5),
        "star": (-1, 0.5),
        "cross": (-0.9, 0.9),
        "hexagon": (-0.8, 0.8),
        "heart": (-0.75, 0.75),
    }
    for name, (top, bottom) in top_and_bottom.items():
        assert [ends[name][0, 1].item(), ends[name][2, 1].item()] == pytest.approx([top, bottom], abs=2e-4), name
    at = {
        "disc": (0.6, 0.8, 0.1),
        "ring": (0, 0, 0.45),
        "square": (0.5, 0, -0.25),
        "triangle": (0, 0, -0.5),
        "cross": (0.6, 0.1, -0.2),
        "hexagon": (0, 0.5, -0.3),
    }
    for name, (p, q, expected) in at.items():
        assert shapes.SHAPES[name](torch.tensor(float(p)), torch.tensor(float(q))).item() == pytest.approx(
            expected, abs=1e-6
        ), name


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_distances_grow_by_one_a_unit_at_the_outline(name):
    grid = torch.linspace(-1.2, 1.2, 400, dtype=torch.float64)
    p, q = (axis.requires_grad_() for axis in torch.meshgrid(grid, grid, indexing="xy"))
    far = shapes.SHAPES[name](p, q)
    slope = torch.stack(torch.autograd.grad(far.sum(), (p, q))).norm(dim=0)
    near = far.abs() < 0.02
    assert near.sum() > 1000 and (slope[near] - 1).abs().quantile(0.99) < 1e-6
    assert far[p.square() + q.square() > 1.13].min() > 0  # about one unit in radius, and both eyes inside the shape
    x, y = shapes.EYES[words.CLASSES.index(name)]
    assert shapes.SHAPES[name](x, y) < -shapes.EYE_RADIUS * 0.9


def test_reach_and_slope_bound_the_distances():
    """A window is laid around `REACH`, and a soft edge's width beyond it follows from `SLOPE`."""
    ends = [torch.linspace(0, end, 1001, dtype=torch.float64) for end in (5, 2 * torch.pi)]
    radius, angle = torch.meshgrid(*ends, indexing="ij")
    for (name, shape), reach in zip(shapes.SHAPES.items(), shapes.REACH.tolist()):
        far, beyond = shape(radius * angle.cos(), radius * angle.sin()), radius > reach
        assert reach - 0.01 < radius[far < 0].max() <= reach, name
        assert (far - shapes.SLOPE * (radius - reach))[beyond].min() > -1e-12, name


@pytest.mark.parametrize("options", [{"size": 64}, {"size": 13, "difficulty": 1.0}, {"frames": 12, "difficulty": 1.0}])
def test_windows_cut_nothing_off(options, monkeypatch):
    """Painting each object in the whole picture gives the same pixels."""
    small = scenes.sample(12, seed=7, objects=(1, 4), camera="moving", **options)
    monkeypatch.setattr(windows, "STEP", 64)
    assert equal(small, scenes.sample(12, seed=7, objects=(1, 4), camera="moving", **options))


def test_threads_change_nothing():
    before, batches = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        batches.append(scenes.sample(150, seed=4, size=16))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert equal(*batches)


def test_a_scene_depends_on_seed_and_number_alone():
    whole = scenes.sample(70, seed=4, size=32, frames=2, camera="moving", objects=(1, 4))
    assert equal(whole, scenes.sample(70, seed=4, size=32, frames=2, camera="moving", objects=(1, 4)))
    part = scenes.sample(5, seed=4, start=60, size=32, frames=2, camera="moving", objects=(1, 4))
    assert equal(part, whole, slice(60, 65)) and part.captions == whole.captions[60:65]
    assert equal(scenes.render(whole.world[8:11], size=32, frames=2), whole, slice(8, 11))
    assert not torch.equal(scenes.sample(5, seed=5, size=32).images, scenes.sample(5, seed=4, size=32).images)


def test_precision_changes_rounding_only():
    narrow, wide = (
        scenes.sample(20, seed=1, size=48, frames=2, dtype=dtype) for dtype in (torch.float32, torch.float64)
    )
    agree(narrow, wide)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device to compare with the CPU")
def test_the_device_changes_rounding_only():
    agree(scenes.sample(20, seed=1, size=48, frames=2), scenes.sample(20, seed=1, size=48, frames=2, device="cuda"))


def agree(a: scenes.SceneBatch, b: scenes.SceneBatch) -> None:
    """Equal to rounding, but for pixels whose centre lies within rounding of an edge."""
    for name in TENSORS:
        x, y = getattr(a, name).cpu().double(), getattr(b, name).cpu().double()
        off = (x - y).abs() > 1e-3 * (1 + y.abs())
        assert off.double().mean() < 1e-4, name


def test_a_few_truths():
    batch = scenes.sample(3, seed=0, size=16, truths=("boxes",))
    assert batch.boxes is not None and batch.depth is None and batch.flow is None
    assert torch.equal(batch.images, scenes.sample(3, seed=0, size=16).images) and len(batch.captions) == 3


def accuracy_of_a_linear_classifier(difficulty: float) -> float:
    batch = scenes.sample(1200, seed=0, size=16, difficulty=difficulty, truths=())
    x, y = batch.images.flatten(1).numpy(), batch.labels[:, 0].numpy()
    return LogisticRegression(max_iter=100).fit(x[:800], y[:800]).score(x[800:], y[800:])


@unconverged
def test_difficulty_is_a_dial():
    scores = [accuracy_of_a_linear_classifier(d) for d in (0, 0.1, 0.2, 0.5, 1)]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.98 and 0.08 < scores[-1] < 0.2


def test_a_scene_grows_harder_without_becoming_another():
    easy, hard = (scenes.sample(50, seed=2, size=16, difficulty=d, objects=(2, 3)) for d in (0.2, 0.9))
    assert torch.equal(easy.labels, hard.labels) and torch.equal(easy.world.colours, hard.world.colours)
    assert easy.visibility[:, 0, 0].mean() > hard.visibility[:, 0, 0].mean()
    plain = scenes.sample(20, seed=2, size=32, difficulty=0)
    assert (plain.world.angles == 0).all() and (plain.visibility == 1).all() and (plain.world.present.sum(1) == 1).all()


@unconverged
@pytest.mark.parametrize("what", ["class", "action"])
def test_the_biased_split_gives_the_answer_away(what):
    def share(biased: str | None) -> float:
        world = scenes.draw(
            torch.arange(2000),
            seed=0,
            difficulty=0.5,
            objects=(1, 2),
            frames=4,
            camera="free",
            biased=biased,
            place=None,
        )
        answer = world.labels[:, 0] if what == "class" else world.actions[:, 0]
        return (world.backgrounds == answer).double().mean().item()

    assert share(what) == pytest.approx(0.95 + 0.05 / 8, abs=0.02) and share(None) == pytest.approx(1 / 8, abs=0.03)
    # The background is seen, not only noted: its mean colour alone tells the answer.
    batch = scenes.sample(400, seed=1, size=16, objects=(1, 1), frames=2, biased=what, truths=())
    x, y = (
        batch.images[:, 0, :, :3].mean(-2).flatten(1).numpy(),
        (batch.labels[:, 0] if what == "class" else batch.actions).numpy(),
    )
    assert LogisticRegression(C=100, max_iter=100).fit(x[:300], y[:300]).score(x[300:], y[300:]) > 0.6


def test_one_place_from_many_sides():
    batch = scenes.sample(6, seed=0, size=32, place=11)
    assert (batch.labels == batch.labels[0]).all() and torch.equal(batch.world.centres[0], batch.world.centres[5])
    assert batch.poses[:, 0].unique(dim=0).shape[0] == 6 and batch.poses[:, 0, :3].std(0).min() > 0.05


def test_scenes_can_be_edited():
    world = scenes.sample(8, seed=3, size=16, objects=(2, 2)).world
    gone = scenes.render(world.without_main(), size=16)
    assert (
        not (gone.instances == 1).any()
        and (gone.labels[:, 0] == -1).all()
        and (gone.keypoints[:, :, 0, :, 2] == 0).all()
    )
    other = scenes.render(world.with_main((world.labels[:, 0] + 1) % 8), size=16)
    assert ((other.labels[:, 0] - world.labels[:, 0]) % 8 == 1).all() and torch.equal(
        other.labels[:, 1], world.labels[:, 1]
    )
    grey = scenes.render(world.without_background(), size=16).albedo
    assert (grey[:, 0, :, 0, 0] == 0.5).all()


THING = rf"an? (?:({'|'.join(words.TEXTURES[1:])}) )?({'|'.join(words.COLOURS)}) ({'|'.join(words.CLASSES)})"
CAPTION = re.compile(
    rf"{THING}(?: ({'|'.join(words.RELATIONS)}) {THING})? on ({'|'.join(words.BACKGROUNDS)})(?:, ({'|'.join(words.VERBS)}))?"
)


def test_captions_tell_what_is_there():
    """Classes, grounds and relations, against the truths in the image rather than the numbers they were made from."""
    batch = scenes.sample(150, seed=6, size=48, objects=(1, 3), frames=2)
    related = 0
    for i, caption in enumerate(batch.captions):
        found = CAPTION.fullmatch(caption)
        assert found, caption
        texture, colour, main, relation, _, _, other, ground, verb = found.groups()
        assert (
            main == scenes.CLASSES[batch.labels[i, 0]]
            and ground == list(scenes.BACKGROUNDS)[batch.world.backgrounds[i]]
        )
        assert (
            colour == list(scenes.COLOURS)[batch.world.colours[i, 0]]
            and (texture or "plain") == scenes.TEXTURES[batch.world.textures[i, 0]]
        )
        assert verb == words.VERBS[batch.actions[i]]
        if relation is None:
            assert (batch.visibility[i, 0, 1:] < 0.25).all()
            continue
        (k, *more) = [
            k
            for k in range(1, 3)
            if batch.labels[i, k] == scenes.CLASSES.index(other) and batch.visibility[i, 0, k] >= 0.25
        ]
        if not more:
            related += 1
            aside = (batch.keypoints[i, 0, 0, 2:, 0].mean() - batch.keypoints[i, 0, k, 2:, 0].mean()).item() / 48
            nearer = batch.depth[i, 0][batch.masks[i, 0, 0]].median() < batch.depth[i, 0][batch.masks[i, 0, k]].median()
            holds = {"left of": aside < -0.2, "right of": aside > 0.2, "in front of": nearer, "behind": not nearer}
            assert holds[relation] and (relation in ("left of", "right of") or abs(aside) < 0.3), caption
    assert related > 50
    assert words.noun(0, 1, 0) == "an orange disc" and words.noun(1, 0, 3) == "a striped red star"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n": 0}, "at least 1 scene"),
        ({"start": -1}, "first has number 0"),
        ({"size": 4}, "at least 8 pixels"),
        ({"difficulty": 1.5}, "from 0 .* to 1"),
        ({"objects": (3, 2)}, r"objects is \(3, 2\)"),
        ({"frames": 33}, "1 to 32"),
        ({"camera": "stereo"}, "give frames=2"),
        ({"camera": "drone"}, "choose one of: free, still, moving, stereo"),
        ({"biased": "colour"}, "'class' or 'action'"),
        ({"truths": ("mask",)}, "no truth 'mask'; choose among: boxes"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_bad_arguments_are_sentences(bad, message):
    with pytest.raises(ValueError, match=message):
        scenes.sample(**{"n": 1, "seed": 0, **bad})


def test_the_picture_shows_every_truth():
    batch = scenes.sample(1, seed=0, size=24, frames=2)
    fig = picture.truths(batch)
    titles = {ax.get_title() for ax in fig.axes}
    assert titles >= {
        "image",
        "boxes",
        "keypoints",
        "semantic",
        "instances",
        "amodal masks",
        "depth",
        "normals",
        "albedo",
        "shading",
    }
    assert "flow to the next frame" in titles and fig._suptitle.get_text() == batch.captions[0]
    with pytest.raises(ValueError, match="truths=None"):
        picture.truths(scenes.sample(1, seed=0, size=24, truths=("boxes",)))
    two = picture.truths(batch, only=("depth", "boxes"))
    assert [ax.get_title() for ax in two.axes] == ["depth", "boxes"]
    with pytest.raises(ValueError, match="no panel 'mask'; choose among: image, boxes"):
        picture.truths(batch, only=("mask",))
    assert [ax.get_title() for ax in picture.grid(batch.images[0], ["first"], columns=2).axes] == ["first", ""]
    plt.close("all")
