"""A run on disk: killed at any moment, it goes on to the same numbers.

A file is 19 bytes that say what it is, the SHA-256 digest of the rest, and the rest: what ``torch.save`` makes. The digest
is there because torch notices a file cut short, but not a flipped bit in a weight. Reading never runs code from the file.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.models import load_weights
from course_lib.train.history import History

MAGIC = b"course_lib.train 1\n"
DIGEST = hashlib.sha256().digest_size
AGAIN = "Delete it to train from the start, or name another file"


class CheckpointError(RuntimeError):
    """A checkpoint is damaged, or not of this run."""


@dataclass
class Run:
    """All that changes while a model trains, next to what the run was asked to do. Make it before the first step."""

    asked: dict[str, object]  # plain values; a checkpoint of a run with other ones is refused
    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    scaler: torch.amp.GradScaler
    order: torch.Generator  # decides the order of the images
    history: History
    best: dict[str, Tensor] | None = None  # weights of the best epoch on the validation set

    def __post_init__(self):
        self.asked |= {
            "seed": self.history.seed,
            "optimizer": " ".join(repr(self.optimizer).split()),  # with all its numbers
            "schedule": type(self.schedule).__name__,
        }

    def save(self, path: str | Path) -> None:
        """Write the run to ``path``, which holds the old one or the new one at any moment, never half of one."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "schedule", "scaler")}
        state = parts | {
            "asked": self.asked,
            "order": self.order.get_state(),
            "history": asdict(self.history),
            "best": self.best,
            "random": random_state(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        write_atomically(Path(path), MAGIC + hashlib.sha256(payload).digest() + payload)

    def resume(self, path: str | Path) -> None:
        """Go on from ``path`` if there is such a file.

        Raises:
            CheckpointError: it is damaged, or belongs to another run.
        """
        if not Path(path).exists():
            return
        state = read(Path(path))
        for name in self.asked | state["asked"]:
            here, there = self.asked.get(name), state["asked"].get(name)
            if there != here:
                raise CheckpointError(f"{path} belongs to another run: there {name} is {there}, here {here}. {AGAIN}.")
        try:
            load_weights(self.model, state["model"])
        except ValueError as error:
            raise CheckpointError(f"{path} belongs to another model. {error} {AGAIN}.") from error
        for name in ("optimizer", "schedule", "scaler"):
            getattr(self, name).load_state_dict(state[name])
        self.order.set_state(state["order"])
        vars(self.history).update(state["history"])
        self.best = state["best"]
        restore_random_state(state["random"])


def read(path: Path) -> dict:
    """The state in a checkpoint, on the CPU.

    Raises:
        CheckpointError: the file is not a checkpoint, or damaged.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error}). {AGAIN}.") from error
    digest, payload = raw[len(MAGIC) : len(MAGIC) + DIGEST], raw[len(MAGIC) + DIGEST :]
    if not raw.startswith(MAGIC):
        raise CheckpointError(f"{path} is not a checkpoint that this version of course_lib.train wrote. {AGAIN}.")
    if hashlib.sha256(payload).digest() != digest:
        raise CheckpointError(f"{path} is damaged: its {len(raw)} bytes do not fit their own digest. {AGAIN}.")
    try:
        return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise CheckpointError(f"{path} holds something other than tensors and plain values. {AGAIN}.") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the file, wait until the disk has it, then rename: a rename is all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def random_state() -> dict:
    """Where the global generators stand, for dropout and whatever else draws from them."""
    kind, keys, *rest = np.random.get_state()
    state = {"python": random.getstate(), "numpy": (kind, keys.tolist(), *rest), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict) -> None:
    """Set the global generators back to :func:`random_state`."""
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
