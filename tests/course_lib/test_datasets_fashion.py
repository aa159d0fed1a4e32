"""Fashion-MNIST: the order of places, damaged files, and a host that is down."""

import gzip

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from course_lib.data import datasets, fashion, places


def idx(array: torch.Tensor) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.numpy().tobytes()


def write_fashion(folder, pixel: int, gz: bool) -> None:
    folder.mkdir(parents=True)
    for stem, count in (("train", 6), ("t10k", 2)):
        for kind, array in (
            ("images-idx3", torch.full((count, 28, 28), pixel, dtype=torch.uint8)),
            ("labels-idx1", torch.arange(count, dtype=torch.uint8)),
        ):
            path = folder / f"{stem}-{kind}-ubyte{'.gz' if gz else ''}"
            path.write_bytes(gzip.compress(idx(array)) if gz else idx(array))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty cache, an empty Debian folder, and a download that fails at once."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(places, "_unreachable", set())

    def no_network():
        raise OSError("no route to host")

    monkeypatch.setattr(fashion, "download_fashion", no_network)
    return tmp_path


def test_real_fashion_mnist():
    train, test = datasets.load("fashion_mnist", "train"), datasets.load("fashion_mnist", "test")
    assert (train.name, len(train), len(test)) == ("fashion_mnist", 60_000, 10_000)
    assert train.images.shape[1:] == (1, 28, 28) and train.labels.bincount().tolist() == [6000] * 10
    validation = datasets.load("fashion_mnist", "validation").labels.bincount()
    assert validation.sum() == 6000 and validation.min() > 500  # the files are shuffled


@pytest.mark.parametrize("gz", [True, False])
def test_the_cache_comes_before_debians_copy(empty, gz):
    write_fashion(empty / "debian", pixel=2, gz=True)
    assert datasets.load("fashion_mnist", "test").images.unique().tolist() == [2]
    write_fashion(empty / "cache" / "FashionMNIST" / "raw", pixel=1, gz=gz)
    loaded = datasets.load("fashion_mnist", "train")
    assert loaded.images.unique().tolist() == [1] and loaded.labels.tolist() == list(range(6))


def test_a_download_is_tried_when_nothing_lies_there(empty, monkeypatch):
    raw = empty / "cache" / "FashionMNIST" / "raw"
    monkeypatch.setattr(fashion, "download_fashion", lambda: write_fashion(raw, 3, gz=False))
    assert datasets.load("fashion_mnist", "test").images.unique().tolist() == [3]


def test_a_host_that_is_down_gives_digits_and_one_sentence(empty, capsys):
    loaded = [datasets.load("fashion_mnist", split) for split in ("train", "test")]
    assert [images.name for images in loaded] == ["digits", "digits"]
    said = capsys.readouterr().err
    assert "could not be downloaded (no route to host)" in said and "dataset-fashion-mnist" in said
    assert said.count("\n") == 1


def test_swapped_files_are_named(empty):
    write_fashion(empty / "debian", pixel=2, gz=False)
    images, labels = (empty / "debian" / f"t10k-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    content = images.read_bytes()
    images.write_bytes(labels.read_bytes())
    labels.write_bytes(content)
    with pytest.raises(datasets.CorruptDataError, match="t10k-images-idx3-ubyte is not .* with 3 axes"):
        datasets.load("fashion_mnist", "test")


GOOD = idx(torch.zeros(2, 28, 28, dtype=torch.uint8))


@pytest.mark.parametrize("bad", [b"", b"<html>", GOOD[:-1], GOOD + b"x", GOOD[:6], b"\0\0\x08\xff"])
def test_a_damaged_file_is_named(tmp_path, bad):
    for path, data in ((tmp_path / "raw", bad), (tmp_path / "packed.gz", gzip.compress(bad))):
        path.write_bytes(data)
        with pytest.raises(datasets.CorruptDataError, match=f"{path.name}.*delete it and load again"):
            fashion.read_idx(path, axes=3)


def test_a_truncated_archive_is_named(tmp_path):
    path = tmp_path / "half.gz"
    path.write_bytes(gzip.compress(GOOD)[:-9])
    with pytest.raises(datasets.CorruptDataError, match="cannot be unpacked"):
        fashion.read_idx(path, axes=3)


ARRAYS = (torch.arange(12, dtype=torch.uint8).view(3, 2, 2), torch.arange(3, dtype=torch.uint8))


@given(
    which=st.sampled_from((0, 1)),
    gz=st.booleans(),
    damage=st.one_of(st.floats(0, 1), st.tuples(st.integers(0, 19), st.integers(0, 7))),
)
@example(which=1, gz=False, damage=(3, 0))  # a promise of no axes at all
@example(which=0, gz=False, damage=(4, 7))  # one of minus two thousand million
def test_no_cut_and_no_flipped_bit_goes_unnoticed(tmp_path_factory, which, gz, damage):
    """The part that is left, or the byte and bit that changes; a raw file with both may be a good one of fewer images."""
    array = ARRAYS[which]
    content = bytearray(gzip.compress(idx(array), mtime=0) if gz else idx(array))
    if isinstance(damage, float):
        content = content[: round(damage * len(content))]
    elif damage[0] < (20 if gz else 4 + 4 * array.ndim):
        content[damage[0]] ^= 1 << damage[1]
    path = tmp_path_factory.getbasetemp() / f"flipped{'.gz' if gz else ''}"
    path.write_bytes(content)
    try:
        assert torch.equal(fashion.read_idx(path, axes=array.ndim), array)
    except datasets.CorruptDataError as error:
        assert str(path) in str(error)
