"""How networks get into the page: export, its cache, and what npm fetches."""

from __future__ import annotations

import json
from pathlib import Path

import executed
import networks
import onnx
import pytest
import torch
from built import ROOT, SITE
from onnx.reference import ReferenceEvaluator

from course_lib import models, understand

SHAPE = (1, 1, 28, 28)


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose one network is an untrained LeNet-5."""
    (tmp_path / "requirements.txt").write_text("numpy==2\n", encoding="utf-8")
    torch.manual_seed(0)
    model = networks.EveryLayer(models.LeNet5())
    monkeypatch.setattr(networks, "NETWORKS", {"lenet5": (lambda root: model, SHAPE)})
    return tmp_path


def test_every_layer_is_an_output_and_nothing_tells_of_this_machine(exports: Path) -> None:
    file = networks.write_network(exports, "lenet5")
    model = networks.NETWORKS["lenet5"][0](exports)
    x = torch.randn(SHAPE)
    got = ReferenceEvaluator(str(file)).run(list(model.names), {"image": x.numpy()})
    with torch.no_grad():
        for name, one, want in zip(model.names, got, model(x), strict=True):
            torch.testing.assert_close(
                torch.from_numpy(one), want, atol=1e-5, rtol=0, msg=lambda why, n=name: f"{n}: {why}"
            )
    assert model.names[0] == "features.0" and model.names[-1] == "classifier.5"
    onnx.checker.check_model(onnx.load(file), full_check=True)
    assert str(ROOT).encode() not in file.read_bytes() and b"site-packages" not in file.read_bytes()


def test_exported_once_until_something_changes(exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    monkeypatch.setattr(networks, "export", lambda model, shape: runs.append(1) or b"onnx")
    assert networks.write_network(exports, "lenet5").read_bytes() == b"onnx"
    networks.write_network(exports, "lenet5")
    assert len(runs) == 1
    with torch.no_grad():
        networks.NETWORKS["lenet5"][0](exports).classifier[5].bias[3] += 1e-6
    networks.write_network(exports, "lenet5")
    assert len(runs) == 2
    (exports / "requirements.txt").write_text("numpy==3\n", encoding="utf-8")
    networks.write_network(exports, "lenet5").unlink()
    assert len(runs) == 3
    networks.write_network(exports, "lenet5")
    assert len(runs) == 4


def test_class_maps_are_the_network_and_its_activation_maps() -> None:
    torch.manual_seed(0)
    model = models.efficientnet_lite0(num_classes=7).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        logits, maps = networks.ClassMaps(model)(x)
        torch.testing.assert_close(logits, model(x))
        for label in range(7):
            torch.testing.assert_close(maps[:, label], understand.cam(model.features(x), model._fc, label))


def test_a_lecture_that_keeps_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "kept_files", lambda root, master: tmp_path)
    with pytest.raises(
        executed.BuildError, match=r'04_convnets/lecture\.py kept no lenet5.*runtime\.keep\("lenet5", model\)'
    ):
        networks.lenet5(ROOT)


def test_without_npm_the_build_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "book").mkdir()
    for name in ("package.json", "package-lock.json"):
        (tmp_path / "book" / name).write_bytes((ROOT / "book" / name).read_bytes())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(executed.BuildError, match=r"python book/system\.py npm"):
        networks.fetch_runtime(tmp_path)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no network >&2; exit 1\n", encoding="utf-8")
    npm.chmod(0o755)
    with pytest.raises(executed.BuildError, match="could not fetch ONNX Runtime Web: no network"):
        networks.fetch_runtime(tmp_path)


def test_versions_are_pinned_and_no_host_is_named() -> None:
    package = json.loads((ROOT / "book" / "package.json").read_text(encoding="utf-8"))
    text = (ROOT / "book" / "package-lock.json").read_text(encoding="utf-8")
    locked = json.loads(text)["packages"]
    assert locked[""]["dependencies"] == package["dependencies"]
    for name, version in package["dependencies"].items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all(one["integrity"].startswith("sha512-") for name, one in locked.items() if name)
    assert "resolved" not in text and "http" not in text


def test_the_site_has_what_the_demos_load() -> None:
    folder = SITE / "_static" / "demos" / "networks"
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    assert set(sizes) == {"runtime.mjs", "runtime.wasm", "lenet5.onnx", "efficientnet_lite0.onnx"}
    assert all((folder / name).stat().st_size == size for name, size in sizes.items())
