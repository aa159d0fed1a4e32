"""A batch of rendered scenes: pictures, and every truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from course_lib.data.scenes import words
from course_lib.data.scenes.camera import intrinsics, project, to_camera
from course_lib.data.scenes.world import World

OPTIONAL = (
    "boxes", "visible_boxes", "instances", "semantic", "amodal", "keypoints", "depth", "normals", "albedo", "shading",
    "flow", "flow_visible",
)  # fmt: skip


@dataclass(frozen=True)
class SceneBatch:
    """N scenes in T frames of up to K objects, of which number 0 is the main one.

    Pixel (r, c) covers [c, c+1) × [r, r+1); camera axes are x right, y down, z away; lengths are in scene units. Truths
    that were not asked for are None, and so is flow where there is one frame.
    """

    world: World  # what the scenes are made of
    images: Float[Tensor, "N T 3 H W"]  # 0..1
    labels: Int[Tensor, "N K"]  # indices into CLASSES, −1 where there is no object
    present: Bool[Tensor, "N K"]
    actions: Int[Tensor, " N"]  # of the main object, indices into ACTIONS; something to see from two frames on
    poses: Float[Tensor, "N T 7"]  # the camera's position and quaternion (w, x, y, z), camera to world
    visibility: Float[Tensor, "N T K"]  # share of the object's pixels that nothing hides
    boxes: Float[Tensor, "N T K 4"] | None = None  # (x₀, y₀, x₁, y₁) around the amodal mask; zeros where that is empty
    visible_boxes: Float[Tensor, "N T K 4"] | None = None  # around what is seen
    instances: UInt8[Tensor, "N T H W"] | None = None  # 1 + the object's number, in every frame; 0 on ground and sky
    semantic: UInt8[Tensor, "N T H W"] | None = None  # indices into SEMANTIC
    amodal: Bool[Tensor, "N T K H W"] | None = None  # each object's mask as if nothing hid it
    keypoints: Float[Tensor, "N T K P 3"] | None = None  # x, y, and 2 seen, 1 hidden, 0 outside; see KEYPOINTS
    depth: Float[Tensor, "N T H W"] | None = None  # along the optical axis
    normals: Float[Tensor, "N T 3 H W"] | None = None  # unit vectors in camera axes, towards the camera
    albedo: Float[Tensor, "N T 3 H W"] | None = None  # reflectance: the image is albedo · shading, plus noise, clipped
    shading: Float[Tensor, "N T H W"] | None = None
    flow: Float[Tensor, "N T-1 2 H W"] | None = (
        None  # (dx, dy) from each pixel centre of a frame to its place in the next
    )
    flow_visible: Bool[Tensor, "N T-1 H W"] | None = None  # whether it is seen there

    def __len__(self) -> int:
        return len(self.images)

    @property
    def masks(self) -> Bool[Tensor, "N T K H W"]:
        """What is seen of each object: the amodal masks less what is hidden."""
        numbers = range(1, self.labels.shape[1] + 1)
        return self.instances[:, :, None] == self.instances.new_tensor(list(numbers))[:, None, None]

    @property
    def intrinsics(self) -> Float[Tensor, "3 3"]:
        """Camera coordinates to homogeneous pixels."""
        return intrinsics(self.images.shape[-1]).to(self.poses)

    @cached_property
    def captions(self) -> list[str]:
        """A sentence a scene: the main object, and the largest other one that is seen for a quarter at least."""
        world = self.world
        centres = to_camera(world.centres, world.poses(1)[:, 0])  # [N, K, 3]
        across = project(centres, 1)[..., 0].tolist()
        large = world.scales / centres[..., 2] * (world.present & (self.visibility[:, 0].cpu() >= 0.25))
        large[:, 0] = 0
        others = torch.where(large.amax(1) > 0, large.argmax(1), -1).tolist()
        kinds = torch.stack([world.textures, world.colours, world.labels], dim=-1).tolist()  # [N, K, 3]
        depths, grounds, actions = centres[..., 2].tolist(), world.backgrounds.tolist(), self.actions.tolist()
        sentences = []
        for i, other in enumerate(others):
            parts = [words.noun(*kinds[i][0])]
            if other > 0:
                parts.append(words.relation(across[i][0] - across[i][other], depths[i][0] - depths[i][other]))
                parts.append(words.noun(*kinds[i][other]))
            sentence = " ".join([*parts, "on", list(words.BACKGROUNDS)[grounds[i]]])
            sentences.append(f"{sentence}, {words.VERBS[actions[i]]}" if self.images.shape[1] > 1 else sentence)
        return sentences
