"""A pinhole camera: rotations, quaternions and projection.

One convention everywhere, OpenCV's: x to the right, y down, z away from the viewer, in the world as in the camera;
lengths in scene units, the ground at y = 0. A pixel in row r and column c covers [c, c+1) × [r, r+1), so its centre is
at c + ½, r + ½.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

FOCAL = 1.2  # focal length in image widths: a field of view of 45°


def intrinsics(size: int) -> Float[Tensor, "3 3"]:
    """The matrix that takes camera coordinates (X, Y, Z) to homogeneous pixel coordinates."""
    f, middle = FOCAL * size, size / 2
    return torch.tensor([[f, 0, middle], [0, f, middle], [0, 0, 1]], dtype=torch.float64)


def quaternion(angles: Float[Tensor, "... 3"]) -> Float[Tensor, "... 4"]:
    """Unit quaternion (w, x, y, z), w ≥ 0, of a yaw about y, after a tilt about x, after a roll about z, in radians."""
    (cy, ct, cr), (sy, st, sr) = (angles / 2).cos().unbind(-1), (angles / 2).sin().unbind(-1)
    q = [
        cy * ct * cr + sy * st * sr,
        cy * st * cr + sy * ct * sr,
        sy * ct * cr - cy * st * sr,
        cy * ct * sr - sy * st * cr,
    ]
    q = torch.stack(q, dim=-1)
    return torch.where(q[..., :1] < 0, -q, q)  # q and −q turn alike: a regression needs one of them


def rotation(q: Float[Tensor, "... 4"]) -> Float[Tensor, "... 3 3"]:
    """The rotation matrix of a unit quaternion: its columns are where x, y and z go."""
    w, x, y, z = q.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def to_camera(points: Float[Tensor, "*B M 3"], pose: Float[Tensor, "*B 7"]) -> Float[Tensor, "*B M 3"]:
    """World points in the frame of a camera: Rᵀ(X − c), for the pose (c, q) and R the rotation of q."""
    return (points - pose[..., None, :3]) @ rotation(pose[..., 3:])


def project(points: Float[Tensor, "... 3"], size: int) -> Float[Tensor, "... 2"]:
    """Camera coordinates to pixels (x, y) of an image of ``size`` × ``size``."""
    return size * (0.5 + FOCAL * points[..., :2] / points[..., 2:])
