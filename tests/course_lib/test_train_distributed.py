"""Two processes under torch's own launcher take the steps of one."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import torch

from course_lib.train import checkpoint

ROOT = Path(__file__).parents[2]

# Batches of 7 from 22 images: unequal shares, and a last batch of one image, of which the second process gets none.
SCRIPT = """
import sys
import torch
from torch import nn
from course_lib import runtime, train
from course_lib.data import datasets

class Exact(datasets.ImageSet):
    def inputs(self, device="cpu"):
        return super().inputs(device).double()

def cut(name):
    return Exact(**vars(datasets.load("digits", name)[:22]))

runtime.seed_all(0)
model = nn.Sequential(nn.Conv2d(1, 3, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(192, 10)).double()
history = train.fit(model, cut("train"), cut("test"), epochs=3, batch_size=7, clip_norm=1.0, augment=train.augment.crop,
                    checkpoint=sys.argv[1], device=torch.device("cpu"))
size = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
print(f"processes {size} loss {history.train_loss[-1]}")
"""


def test_two_processes_equal_one(tmp_path, monkeypatch, capfd):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "1.pt")])
    runpy.run_path(str(script))
    assert "processes 1 loss" in capfd.readouterr().out

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]  # on a free port
    done = subprocess.run(
        [*launcher, str(script), str(tmp_path / "2.pt")],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("processes 2 loss") == 2
    assert done.stderr.count(" 0/12") == 1 and " 12/12" in done.stderr  # one bar, to its end

    one, two = (checkpoint.read(tmp_path / f"{count}.pt") for count in (1, 2))
    for name, weight in one["model"].items():
        torch.testing.assert_close(two["model"][name], weight, atol=1e-10, rtol=0)
    losses = (torch.tensor(run["history"]["train_loss"]) for run in (one, two))
    torch.testing.assert_close(*losses, atol=1e-6, rtol=0)
