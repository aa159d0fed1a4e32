"""The networks that run in the reader's browser: exported to ONNX, with ONNX Runtime Web, in `_build/networks`.

* `lenet5.onnx`: the LeNet-5 that lecture 04 trains and hands over with `runtime.keep`; each layer's output has its name.
* `efficientnet_lite0.onnx`: the ImageNet weights that `course_lib` loads; logits and class activation maps.
* `runtime.mjs`, `runtime.wasm`: ONNX Runtime Web, for one thread, which npm fetches as `package-lock.json` says.
* `sizes.json`: bytes of each, for the reader to know before they are loaded.

A network is exported again when its weights, this file, the modules of course_lib that it reaches or the lock change.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch
from executed import BuildError, kept_files, library_modules
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import models

LENET = "notebooks/04_convnets/lecture.py"
RUNTIME = {"ort.wasm.bundle.min.mjs": "runtime.mjs", "ort-wasm-simd-threaded.wasm": "runtime.wasm"}


class EveryLayer(nn.Module):
    """A network of `features` and `classifier` that gives out what each of their layers does, the logits last."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.features, self.classifier = model.features, model.classifier
        parts = {"features": self.features, "classifier": self.classifier}
        self.names = [f"{part}.{name}" for part, layers in parts.items() for name, _ in layers.named_children()]

    def forward(self, x: Float[Tensor, "1 1 28 28"]) -> tuple[Tensor, ...]:
        """One tensor a layer, as `names` says."""
        outputs = []
        for layer in [*self.features, *self.classifier]:
            x = layer(x)
            outputs.append(x)
        return tuple(outputs)


class ClassMaps(nn.Module):
    """EfficientNet with the sum over channels before the mean over places: logits, and each class's activation map.

    The logit of class c is `bias_c + Σ_k w_ck · mean(maps_k)`. Mean and sum change places, so it is also the bias plus the
    mean of the map `Σ_k w_ck · maps_k` (Zhou et al. 2016): the page gets the map of every class, and the weights lie in the
    file once.
    """

    names = ("logits", "cam")

    def __init__(self, model: models.EfficientNetLite):
        super().__init__()
        self.model = model

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B classes"], Float[Tensor, "B classes h w"]]:
        """Logits and class activation maps."""
        linear = self.model._fc
        cam = F.conv2d(self.model.features(x), linear.weight[:, :, None, None])  # [B, classes, h, w]
        return cam.mean(dim=(2, 3)) + linear.bias, cam


def lenet5(root: Path) -> EveryLayer:
    """LeNet-5 with the weights that the executed lecture kept."""
    weights = kept_files(root, root / LENET) / "lenet5.pt"
    if not weights.is_file():
        raise BuildError(
            f'{LENET} kept no lenet5. It needs the line `runtime.keep("lenet5", model)`; if it has it, delete {weights.parent}.*'
        )
    return EveryLayer(models.load_weights(models.LeNet5(), weights))


def efficientnet_lite0(root: Path) -> ClassMaps:
    """EfficientNet-Lite0 with its ImageNet weights."""
    return ClassMaps(models.efficientnet_lite0(pretrained=True))


NETWORKS: dict[str, tuple[Callable[[Path], nn.Module], tuple[int, ...]]] = {  # what makes it, and its input
    "lenet5": (lenet5, (1, 1, 28, 28)),
    "efficientnet_lite0": (efficientnet_lite0, (1, 3, 224, 224)),
}


def export(model: nn.Module, shape: tuple[int, ...]) -> bytes:
    """ONNX of a network with the outputs `model.names` for an input `image` of one shape."""
    model.eval()
    for talkative in ("onnx_ir", "onnxscript"):  # after Sphinx, a line for each constant that they fold
        logging.getLogger(talkative).setLevel(logging.WARNING)
    program = torch.onnx.export(
        model, (torch.zeros(shape),), input_names=["image"], output_names=list(model.names), dynamo=True, verbose=False
    )
    proto = program.model_proto
    graph = proto.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]  # where each step stands in which file of this machine
    del graph.value_info[:]
    return proto.SerializeToString()


def network_key(root: Path, model: nn.Module, shape: tuple[int, ...]) -> str:
    """Hash of the weights and of what turns them into a file."""
    digest = hashlib.sha256(str(shape).encode())
    weights = io.BytesIO()
    for name, values in model.state_dict().items():
        weights.write(name.encode() + values.numpy().tobytes())
    digest.update(weights.getbuffer())
    source = Path(__file__)
    library = library_modules(root, source.read_text(encoding="utf-8")).values()
    for path in sorted([root / "requirements.txt", source, *library]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def write_network(root: Path, name: str) -> Path:
    """`_build/networks/NAME.onnx`, exported if it is not there yet for this key."""
    make, shape = NETWORKS[name]
    model = make(root).eval()
    file = root / "_build" / "networks" / f"{name}.onnx"
    stamp, key = file.with_suffix(".key"), network_key(root, model, shape)
    if not (file.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key):
        print(f"{file.name} …", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)  # an interrupted export is none
        file.write_bytes(export(model, shape))
        stamp.write_text(key, encoding="utf-8")
    return file


def fetch_runtime(root: Path) -> Path:
    """Folder of ONNX Runtime Web's files, fetched by npm as `book/package-lock.json` says; npm checks their digests."""
    folder, wanted = root / "_build" / "npm", ("package.json", "package-lock.json")
    stamp, key = folder / "lock.key", hashlib.sha256((root / "book" / wanted[1]).read_bytes()).hexdigest()
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == key):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in wanted:
            shutil.copy(root / "book" / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise BuildError("The demos need npm. Run `python book/system.py npm`.") from error
        if done.returncode:
            raise BuildError(
                f"npm could not fetch ONNX Runtime Web: {done.stderr.strip()[-600:]}\nRun `make book` again."
            )
        stamp.write_text(key, encoding="utf-8")
    return folder / "node_modules" / "onnxruntime-web" / "dist"


def write_networks(root: Path, site: Path) -> None:
    """Put the networks and what runs them beside the demos' modules, with `sizes.json`: {file: bytes}."""
    folder = site / "_static" / "demos" / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    runtime = fetch_runtime(root)
    files = {new: runtime / old for old, new in RUNTIME.items()}
    files |= {f"{name}.onnx": write_network(root, name) for name in NETWORKS}
    for name, file in files.items():
        shutil.copy(file, folder / name)
    sizes = {name: file.stat().st_size for name, file in files.items()}
    (folder / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
