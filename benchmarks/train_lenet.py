"""One epoch of LeNet-5 on Fashion-MNIST: the course's loop against the loop of a common PyTorch tutorial.

The tutorial's way: a DataLoader over a Dataset that makes a PIL image, a tensor and a normalised tensor of each picture.
Ours: the whole set is one tensor on the device. Same model, optimiser, batch size and schedule.

    python benchmarks/train_lenet.py
"""

from __future__ import annotations

import torch
from common import RATIO, columns, compare, header
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from course_lib import models, runtime, train
from course_lib.data import datasets
from course_lib.data.datasets import ImageSet


class TutorialDataset(Dataset):
    """What ``torchvision.datasets.FashionMNIST`` does for each picture."""

    def __init__(self, images: ImageSet):
        self.pixels, self.labels = images.images[:, 0].numpy(), images.labels
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(images.mean, images.std)])

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), int(self.labels[index])


def tutorial_epoch(images: ImageSet, test: ImageSet, device: torch.device) -> None:
    model = models.LeNet5().to(device)
    loader, test_loader = (
        DataLoader(TutorialDataset(images), 128, shuffle=True),
        DataLoader(TutorialDataset(test), 1000),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=len(loader))
    loss_function, total, correct = torch.nn.CrossEntropyLoss(), 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    with torch.no_grad():
        for x, y in test_loader:
            correct += (model(x.to(device)).argmax(1).cpu() == y).sum().item()


if __name__ == "__main__":
    header()
    at = runtime.device()
    train_set, test_set = datasets.load("fashion_mnist", "train"), datasets.load("fashion_mnist", "test")
    columns(*RATIO)
    compare(
        "the course's loop, beside the tutorial's",
        lambda: train.fit(models.LeNet5(), train_set, test_set, epochs=1, device=at),
        lambda: tutorial_epoch(train_set, test_set, at),
        repeats=3,
    )
