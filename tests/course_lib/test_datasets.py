"""Loading: the order of places, damaged files, and a host that is down."""

import gzip

import pytest
import torch

from course_lib.data import datasets


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
def places(tmp_path, monkeypatch):
    """An empty cache, an empty Debian folder, and a download that fails at once."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "DEBIAN", tmp_path / "debian")

    def no_network():
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "_download_fashion", no_network)
    return tmp_path


def test_real_fashion_mnist():
    train, test = datasets.load("fashion_mnist", "train"), datasets.load("fashion_mnist", "test")
    assert (train.name, len(train), len(test)) == ("fashion_mnist", 60_000, 10_000)
    assert train.images.shape[1:] == (1, 28, 28) and train.labels.bincount().tolist() == [6000] * 10
    pixels = train.images.float() / 255
    assert pixels.mean().item() == pytest.approx(train.mean, abs=5e-5)
    assert pixels.std().item() == pytest.approx(train.std, abs=5e-5)
    assert train.inputs().mean().item() == pytest.approx(0, abs=1e-3)


def test_digits():
    train, test = datasets.load("digits", "train"), datasets.load("digits", "test")
    assert len(train) + len(test) == 1797 and train.images.shape[1:] == (1, 28, 28)
    pixels = train.images.float() / 255
    assert pixels.mean().item() == pytest.approx(train.mean, abs=5e-5)
    assert pixels.std().item() == pytest.approx(train.std, abs=5e-5)


@pytest.mark.parametrize("gz", [True, False])
def test_the_cache_comes_before_debians_copy(places, gz):
    write_fashion(places / "debian", pixel=2, gz=True)
    assert datasets.load("fashion_mnist", "test").images.unique().tolist() == [2]
    write_fashion(places / "cache" / "FashionMNIST" / "raw", pixel=1, gz=gz)
    loaded = datasets.load("fashion_mnist", "train")
    assert loaded.images.unique().tolist() == [1] and loaded.labels.tolist() == list(range(6))


def test_a_download_is_tried_when_nothing_lies_there(places, monkeypatch):
    monkeypatch.setattr(datasets, "_download_fashion", lambda: write_fashion(places / "cache" / "FashionMNIST" / "raw", 3, gz=False))
    assert datasets.load("fashion_mnist", "test").images.unique().tolist() == [3]


def test_a_host_that_is_down_gives_digits_and_a_sentence(places, capsys):
    loaded = datasets.load("fashion_mnist", "test")
    assert loaded.name == "digits"
    said = capsys.readouterr().err
    assert "could not be downloaded (no route to host)" in said and "dataset-fashion-mnist" in said


def test_unknown_names_are_sentences():
    with pytest.raises(ValueError, match="choose one of: digits, fashion_mnist"):
        datasets.load("imagenet", "train")
    with pytest.raises(ValueError, match="choose one of: train, test"):
        datasets.load("digits", "validation")


GOOD = idx(torch.zeros(2, 28, 28, dtype=torch.uint8))


@pytest.mark.parametrize("bad", [b"", b"<html>", GOOD[:-1], GOOD + b"x", GOOD[:6], b"\0\0\x08\xff"])
def test_a_damaged_file_is_named(tmp_path, bad):
    for path, data in ((tmp_path / "raw", bad), (tmp_path / "packed.gz", gzip.compress(bad))):
        path.write_bytes(data)
        with pytest.raises(datasets.CorruptDataError, match=f"{path.name}.*delete it and load again"):
            datasets.read_idx(path)


def test_a_truncated_archive_is_named(tmp_path):
    path = tmp_path / "half.gz"
    path.write_bytes(gzip.compress(GOOD)[:-9])
    with pytest.raises(datasets.CorruptDataError, match="cannot be unpacked"):
        datasets.read_idx(path)
