"""CIFAR: tiny archives in the real format, read by the real code; damage; a host that is down."""

import dataclasses
import functools
import hashlib
import io
import tarfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.data import built_in, cifar, datasets, places

CLASS_FILES = {
    "batches.meta.txt": "airplane\nautomobile\nbird\n\n",
    "coarse_label_names.txt": "fish\nflowers\n",
    "fine_label_names.txt": "orchid\nray\nshark\n",
}


def write(path, name: str) -> None:
    """Two images a file. In file f, image i has labels (i, i + 1) and channel c is filled with 10·f + 3·i + c."""
    version = cifar.VERSIONS[name]
    content = {file: text.encode() for file, text in CLASS_FILES.items() if file in version.class_files}
    content["readme.html"] = b"not wanted"
    for f, file in enumerate(version.files["train"] + version.files["test"]):
        for i in range(2):
            pixels = b"".join(bytes([10 * f + 3 * i + c]) * 1024 for c in range(3))
            content[file] = content.get(file, b"") + bytes([i, i + 1][-len(version.class_files) :]) + pixels
    with tarfile.open(path, "w:gz") as archive:
        for file, data in content.items():
            entry = tarfile.TarInfo(f"{version.folder}/{file}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(params=["cifar10", "cifar100"])
def published(request, tmp_path, monkeypatch):
    """A host with a tiny archive, and an empty cache: (name, the archive's path there, the path in the cache)."""
    name = request.param
    version = cifar.VERSIONS[name]
    host = tmp_path / "host" / version.url.rpartition("/")[2]
    host.parent.mkdir()
    write(host, name)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(places, "_unreachable", set())
    monkeypatch.setattr(built_in, "COUNTS", {"train": 200, "test": 100})
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=host.parent)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url, md5 = f"http://127.0.0.1:{server.server_port}/{host.name}", hashlib.md5(host.read_bytes()).hexdigest()
        monkeypatch.setitem(cifar.VERSIONS, name, dataclasses.replace(version, url=url, md5=md5))
        yield name, host, tmp_path / "cache" / host.name
        server.shutdown()


def test_an_archive_is_downloaded_and_read(published):
    name, host, cached = published
    train, test = datasets.load(name, "train"), datasets.load(name, "test")
    files = len(cifar.VERSIONS[name].files["train"])
    assert train.images.shape == (2 * files, 3, 32, 32) and test.images.shape == (2, 3, 32, 32)
    assert train.images[:2].amax((2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]  # channels of file 0
    assert test.images.amin((2, 3)).tolist() == [[10 * files + k for k in row] for row in ([0, 1, 2], [3, 4, 5])]
    assert train.labels.tolist() == [1, 2] * files  # of the two bytes the last is the finest
    assert train.source == str(cached) and [path.name for path in cached.parent.iterdir()] == [cached.name]
    host.unlink()
    assert torch.equal(datasets.load(name, "test").images, test.images)  # from the cache


def test_classes_and_superclasses(published):
    loaded = datasets.load(published[0], "test")
    if published[0] == "cifar10":
        assert loaded.classes == ("airplane", "automobile", "bird") and loaded.coarse_labels is None
    else:
        assert loaded.classes == ("orchid", "ray", "shark") and loaded.coarse_classes == ("fish", "flowers")
        assert loaded.coarse_labels.tolist() == [0, 1] and loaded.labels.tolist() == [1, 2]


def test_constants_of_a_tiny_archive(published):
    """Channel c of a file holds c and 3 + c, so its mean is 1.5 + c above the file's and its deviation 1.5, of 255."""
    name = published[0]
    files = torch.arange(len(cifar.VERSIONS[name].files["train"]))
    mean, std = datasets.channel_statistics(datasets.load(name, "train").images)
    assert [255 * m for m in mean] == pytest.approx([10 * files.float().mean().item() + 1.5 + c for c in range(3)])
    spread = (100 * files.double().var(correction=0) + 1.5**2).sqrt().item()
    assert [255 * s for s in std] == pytest.approx([spread] * 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_no_cut_and_no_flipped_bit_goes_unnoticed(published, data):
    name, host, cached = published
    content = bytearray(host.read_bytes())
    if data.draw(st.booleans(), label="cut"):
        content = content[: data.draw(st.integers(0, len(content) - 1), label="to")]
    else:
        byte, bit = data.draw(st.integers(0, len(content) - 1), label="byte"), data.draw(st.integers(0, 7), label="bit")
        content[byte] ^= 1 << bit
    cached.parent.mkdir(exist_ok=True)
    cached.write_bytes(content)
    with pytest.raises(datasets.CorruptDataError, match=f"{cached} is damaged.*delete it and load again"):
        datasets.load(name, "train")


def test_a_host_that_is_down_gives_as_many_classes_in_colour_and_one_sentence(published, capsys):
    name, host, _ = published
    host.unlink()
    loaded = [datasets.load(name, split) for split in ("validation", "test")]
    assert {images.name for images in loaded} == {cifar.VERSIONS[name].stand_in}
    assert all(images.images.shape[1:] == (3, 32, 32) for images in loaded)
    assert len(loaded[0].classes) == {"cifar10": 10, "cifar100": 100}[name]
    said = capsys.readouterr().err
    assert (
        "could not be downloaded (HTTP Error 404" in said and cifar.VERSIONS[name].url in said and said.count("\n") == 1
    )


def test_a_download_with_another_sum_is_not_kept(published, capsys):
    name, host, cached = published
    host.write_bytes(b"<html>Please log in to the network.</html>")
    assert datasets.load(name, "test").name == cifar.VERSIONS[name].stand_in
    assert not list(cached.parent.iterdir()) and "could not be downloaded (File not found" in capsys.readouterr().err


def test_a_failed_download_holds_so_that_splits_fit_together(published):
    name, host, _ = published
    content = host.read_bytes()
    host.unlink()
    first = datasets.load(name, "test").name
    host.write_bytes(content)
    assert datasets.load(name, "test").name == first == cifar.VERSIONS[name].stand_in


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_real_cifar(name):
    version = cifar.VERSIONS[name]
    if not (places.cache_dir() / version.url.rpartition("/")[2]).is_file():
        pytest.skip(f"{version.title} is not on this machine")
    train, test = datasets.load(name, "train"), datasets.load(name, "test")
    assert (len(train), len(test)) == (50_000, 10_000)
    assert train.labels.bincount().tolist() == [50_000 // len(train.classes)] * len(train.classes)
    mean, std = datasets.channel_statistics(train.images)
    assert train.mean == pytest.approx(mean, abs=1e-4) and train.std == pytest.approx(std, abs=1e-4)
