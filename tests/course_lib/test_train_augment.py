import pytest
import torch

from course_lib.train import augment


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_rest():
    images = torch.arange(6.0).reshape(1, 1, 2, 3).expand(400, 1, 2, 3)  # rows 0 1 2 and 3 4 5
    out = augment.flip(images, dice())
    flipped = (out[:, 0, 0] == torch.tensor([2.0, 1.0, 0.0])).all(1)
    assert 150 < flipped.sum() < 250
    assert torch.equal(out[flipped][:, 0, 1], torch.tensor([5.0, 4.0, 3.0]).expand(int(flipped.sum()), 3))
    assert torch.equal(out[~flipped], images[~flipped])


def test_crop_moves_the_whole_image_and_fills_with_zeros():
    """A lone bright pixel in the middle of 5×5, moved by up to 1 either way, visits all nine places and nothing else."""
    images = torch.zeros(200, 2, 5, 5)
    images[:, 0, 2, 2], images[:, 1, 2, 2] = 1, 2
    out = augment.crop(images, dice(), padding=1)
    assert out.shape == images.shape and torch.equal(out[:, 1], 2 * out[:, 0])  # channels move together
    places = out[:, 0].nonzero()  # [200, (image, row, column)]
    assert torch.equal(places[:, 0], torch.arange(200))
    assert {tuple(place) for place in places[:, 1:].tolist()} == {(r, c) for r in (1, 2, 3) for c in (1, 2, 3)}


def test_crop_of_rectangles_is_a_window_of_the_padded_image():
    images = torch.randn(30, 1, 3, 7, dtype=torch.float64)
    out = augment.crop(images, dice(), padding=2, mode="replicate")
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2), mode="replicate")
    windows = padded.unfold(2, 3, 1).unfold(3, 7, 1)  # [B, 1, 5, 5, 3, 7]
    for image, choices in zip(out, windows.flatten(2, 3), strict=True):
        assert (choices[0] == image[0]).all((1, 2)).any()


@pytest.mark.parametrize("step", [augment.flip, augment.crop, augment.chain(augment.crop, augment.flip)])
def test_the_generator_alone_decides(step):
    images = torch.randn(16, 3, 8, 8)
    first, again, other = step(images, dice()), step(images, dice()), step(images, dice(1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert step(images[:0], dice()).shape == (0, 3, 8, 8)
