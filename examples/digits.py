"""The handwritten digits in data/digits.npz: 1,797 images of 8×8, split once and for all into training and test."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(__file__).parent / "data" / "digits.npz"


class Digits(NamedTuple):
    """Images as rows X [N, 64] in 0 … 1, labels y [N], and the same for the test."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def load(seed: int = 0, held_out: int = 360) -> Digits:
    """The data in a fixed random order, the last `held_out` images kept for the test."""
    with np.load(DATA) as data:
        images = data["images"].reshape(-1, 64).astype(np.float32) / 16
        labels = data["labels"].astype(np.int32)
    order = np.random.default_rng(seed).permutation(len(labels))
    train, test = order[:-held_out], order[-held_out:]
    return Digits(images[train], labels[train], images[test], labels[test])


def one_hot(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """A row of zeros with a one at the label, for each label."""
    return np.eye(classes, dtype=np.float32)[labels]
