"""Several processes on one batch, each with a GPU of its own (data parallelism).

Start any script that calls ``fit`` with torch's launcher, and nothing else changes::

    torchrun --standalone --nproc-per-node=4 my_script.py

Every process holds the model and the data, computes the gradient of its share of each batch, and torch's
DistributedDataParallel averages the gradients, so all take the same step (Li et al. 2020). The numbers are those of one
process with the same batch size, up to rounding; only BatchNorm differs, which sees its own share alone.
"""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from course_lib import runtime


@dataclass(frozen=True)
class Team:
    """The processes that train one model, seen from one of them."""

    device: torch.device
    rank: int = 0  # which one this is
    size: int = 1

    @property
    def lead(self) -> bool:
        """Whether this process shows the progress and writes the checkpoint."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """This process' images of a batch: every size-th."""
        return slice(self.rank, None, self.size)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, with gradients that are averaged over the processes on the way back."""
        return model if self.size == 1 else DistributedDataParallel(model)

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, in all of them."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value


def join() -> Team:
    """The team that torchrun started this process in; a team of one where nobody did."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or not distributed.is_torchelastic_launched():
        return Team(runtime.device())
    device = runtime.device()
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Team(device, distributed.get_rank(), distributed.get_world_size())
