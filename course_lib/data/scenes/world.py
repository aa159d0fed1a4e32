"""What a scene is made of: drawn at random, or edited by hand, before anything is rendered."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import pi, radians

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib.data.scenes import words
from course_lib.data.scenes.camera import FOCAL, quaternion, rotation
from course_lib.data.scenes.dice import Dice

EYE_LEVEL = 1.15  # the camera's height above the ground
BASELINE = 0.2  # between the two eyes of a stereo pair
SPEED = 0.016  # of an object, in its distance from the camera a frame
SPIN = radians(10)  # of a turning object, a frame
MOTIONS = torch.tensor(  # by action: where to, in units of SPEED, and how fast it turns, in units of SPIN
    [
        [-1, 0, 0, 0],
        [1, 0, 0, 0],
        [0, -1, 0, 0],
        [0, 1, 0, 0],
        [0, 0, -1.5, 0],
        [0, 0, 1.5, 0],
        [0, 0, 0, 1],
        [0, 0, 0, -1],
    ],
    dtype=torch.float64,
)
# How a texture is cut from two waves a = cos(k·(p, q)) and b, at right angles, whose phase a shifts by `warp`:
# warp, 1, a, b, ab (the weights of the sum whose sign decides between two colours), sharpest edge, waves a unit.
WAVES = torch.tensor(
    [
        [0, 1e3, 0, 0, 0, 8, 1],
        [0, 0.2, 1, 0, 0, 8, 1.6],
        [0, 0, 0, 0, 1, 8, 1.1],
        [0, 0.7, -1, -1, 0, 4, 1.8],
        [2.2, 0, 0, 1, 0, 0.6, 0.8],
    ],
    dtype=torch.float64,
)


@dataclass(frozen=True)
class World:
    """N scenes of up to K objects each, of which number 0 is the main one; float64, on the CPU.

    Lengths are in scene units, angles in radians, times in frames, colours in 0..1.
    """

    labels: Int[Tensor, "N K"]  # indices into CLASSES
    present: Bool[Tensor, "N K"]
    colours: Int[Tensor, "N K"]  # indices into COLOURS
    textures: Int[Tensor, "N K"]  # indices into TEXTURES
    backgrounds: Int[Tensor, " N"]  # indices into BACKGROUNDS
    actions: Int[Tensor, "N K"]  # indices into ACTIONS, −1 where an object stands still
    centres: Float[Tensor, "N K 3"]  # in frame 0
    velocities: Float[Tensor, "N K 3"]
    angles: Float[Tensor, "N K 3"]  # yaw, tilt and roll in frame 0; a positive roll is clockwise in the picture
    spins: Float[Tensor, "N K"]  # of the roll
    scales: Float[Tensor, "N K"]  # radius
    paints: Float[Tensor, "N K+2 2 3"]  # dark and light colour of the ground, the sky, and each object
    waves: Float[Tensor, "N K+2 12"]  # their textures, see `waves`
    lights: Float[Tensor, "N 3"]  # unit vector towards the light
    ambient: Float[Tensor, " N"]  # the share of the light that comes from everywhere
    brightness: Float[Tensor, " N"]
    camera: Float[Tensor, "N 6"]  # position, then yaw, tilt and roll, in frame 0
    camera_motion: Float[Tensor, "N 6"]  # their change a frame
    noise: Float[Tensor, " N"]  # standard deviation of a pixel
    noise_keys: Int[Tensor, " N"]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, scenes: slice | Int[Tensor, " M"]) -> World:
        return World(**{field.name: getattr(self, field.name)[scenes] for field in dataclasses.fields(self)})

    def without_main(self) -> World:
        """The same scenes with the main object taken out."""
        present = self.present.clone()
        present[:, 0] = False
        return dataclasses.replace(self, present=present)

    def without_background(self) -> World:
        """The same objects on plain grey, under a grey sky."""
        paints = self.paints.clone()
        paints[:, :2] = 0.5
        return dataclasses.replace(self, paints=paints)

    def with_main(self, labels: Int[Tensor, " N"]) -> World:
        """The same scenes with the main object's shape exchanged."""
        return dataclasses.replace(self, labels=torch.cat([labels[:, None], self.labels[:, 1:]], dim=1))

    def poses(self, frames: int) -> Float[Tensor, "N T 7"]:
        """The camera in each frame: position, and the unit quaternion (w, x, y, z) from its axes to the world's."""
        track = self.camera[:, None] + torch.arange(frames, dtype=torch.float64)[:, None] * self.camera_motion[:, None]
        return torch.cat([track[..., :3], quaternion(track[..., 3:])], dim=-1)

    def placements(self, frames: int) -> tuple[Float[Tensor, "N T K 3"], Float[Tensor, "N T K 3 3"]]:
        """Where each object's centre is in the world, and the rotation from its own frame to the world's."""
        time = torch.arange(frames, dtype=torch.float64)[:, None]  # [T, 1]
        centres = self.centres[:, None] + time[..., None] * self.velocities[:, None]
        roll = torch.zeros_like(self.angles)
        roll[..., 2] = self.spins
        return centres, rotation(quaternion(self.angles[:, None] + time[..., None] * roll[:, None]))


def draw(
    scenes: Int[Tensor, " N"],
    *,
    seed: int,
    difficulty: float | int,
    objects: tuple[int, int],
    frames: int,
    camera: str,
    biased: str | None,
    place: int | None,
) -> World:
    """Draw scenes by number; the arguments are those of :func:`course_lib.data.scenes.sample`.

    Every number has a name, and keeps its draw when the difficulty changes: a scene grows harder without becoming
    another.
    """
    d, k, n = float(difficulty), objects[1], len(scenes)
    eye = Dice(seed, scenes)  # decides what changes from one view of a place to the next
    dice = eye if place is None else Dice(seed, torch.full_like(scenes, place))

    labels = dice.integers("label", k, 0, len(words.CLASSES) - 1)
    actions = dice.integers("action", k, 0, len(words.ACTIONS) - 1)
    still = dice.uniform("still", k) > d
    still[:, 0] = False
    actions = torch.where(still, -1, actions)
    backgrounds = dice.integers("background", 1, 0, len(words.BACKGROUNDS) - 1)[:, 0]
    if biased:
        cause = {"class": labels, "action": actions}[biased][:, 0]
        backgrounds = torch.where(dice.uniform("bias", 1)[:, 0] < 0.95, cause, backgrounds)

    # The main object: nearest to the middle and the largest in the picture. The others: smaller in the picture, to its
    # left and right in turn, behind it at first and then in front as well.
    distance = 4 + d * dice.uniform("distance", 1, -1, 1)  # [N, 1]
    scale = 1 - d * dice.uniform("scale", 1, 0, 0.6)
    distances = distance * dice.uniform("distances", k, 1.15 - 0.45 * d, 1.7)
    scales = scale * dice.uniform("scales", k, 0.4, 0.7) * distances / distance
    middle = d * dice.uniform("across", 1, -0.55, 0.55)
    sides = torch.where((torch.arange(k) % 2 == 1) == (dice.uniform("side", 1) < 0.5), 1, -1)  # [N, K]
    across = (middle + sides * dice.uniform("aside", k, 0.6 - 0.25 * d, 0.95)).clamp(-0.85, 0.85)
    distances[:, :1], scales[:, :1], across[:, :1] = distance, scale, middle
    hover = d * dice.uniform("hover", k, 0, 0.7)
    hover[:, 0] += 0.4 * (frames > 1)  # room to sink, whatever the action: the first frame must not give it away
    centres = torch.stack([across * distances / (2 * FOCAL), -(scales + hover), distances], dim=-1)
    angles = d * torch.stack([dice.uniform(name, k, -1, 1) for name in ("yaw", "tilt", "roll")], dim=-1)
    motions = torch.where((actions < 0)[..., None], 0.0, MOTIONS[actions])  # [N, K, 4]

    textures = torch.where(dice.uniform("textured", k) < d, dice.integers("texture", k, 1, len(words.TEXTURES) - 1), 0)
    colours = dice.integers("colour", k, 0, len(words.COLOURS) - 1)
    waves = wave_numbers(dice, "waves", textures, d)
    azimuth = d * dice.uniform("azimuth", 1, -0.6, 0.6)[:, 0] - 0.84
    lights = torch.stack([0.66 * azimuth.sin(), torch.full_like(azimuth, -0.75), -0.66 * azimuth.cos()], dim=-1)

    sway = {"still": 0.0, "stereo": d, "free": d, "moving": d}[camera] if place is None else 2.0
    reach = torch.tensor([0.35, 0.12, 0.3, radians(4), radians(2.5), radians(4)], dtype=torch.float64)
    poses = eye.uniform("camera", 6, -1, 1) * reach * sway
    drift = torch.zeros(n, 6, dtype=torch.float64)
    if camera == "moving":
        drift = eye.uniform("drift", 6, -1, 1) * reach * 0.15
    elif camera == "stereo":
        drift[:, :3] = BASELINE * rotation(quaternion(poses[:, 3:]))[..., 0]
        motions = torch.zeros_like(motions)
    poses[:, 1] -= EYE_LEVEL

    paints, stuff_waves = _background(dice, backgrounds, 1.0 if biased else min(1.0, 2 * d), d)
    paints = torch.cat([paints, _object_paints(dice, colours, paints[:, 0].mean(1), d)], dim=1)
    return World(
        labels=labels,
        present=torch.arange(k) < dice.integers("objects", 1, *objects),
        colours=colours,
        textures=textures,
        backgrounds=backgrounds,
        actions=actions,
        centres=centres,
        velocities=motions[..., :3] * SPEED * distances[..., None],
        angles=angles * torch.tensor([radians(18), radians(18), pi], dtype=torch.float64),
        spins=motions[..., 3] * SPIN,
        scales=scales,
        paints=paints,
        waves=torch.cat([stuff_waves, waves], dim=1),
        lights=lights / lights.norm(dim=1, keepdim=True),
        ambient=0.5 - d * dice.uniform("ambient", 1, 0, 0.15)[:, 0],
        brightness=1 - d * dice.uniform("brightness", 1, 0, 0.3)[:, 0],
        camera=poses,
        camera_motion=drift,
        noise=torch.full((n,), 0.06 * d, dtype=torch.float64),
        noise_keys=eye.bits("noise", 1)[:, 0],
    )


def wave_numbers(dice: Dice, name: str, textures: Int[Tensor, "N K"], d: float) -> Float[Tensor, "N K 12"]:
    """The twelve numbers of a texture: (kₚ, k_q, phase) of waves a and b, then the first six of ``WAVES``."""
    k = textures.shape[1]
    kind = WAVES[textures]  # [N, K, 7]
    number = 2 * pi * kind[..., 6] * dice.uniform(name + " number", k, 1 - 0.3 * d, 1 + 0.3 * d)
    angle = d * dice.uniform(name + " angle", k, -pi / 2, pi / 2)
    phases = dice.uniform(name + " phase", 2 * k, 0, 2 * pi).view(-1, k, 2)
    c, s = number * angle.cos(), number * angle.sin()
    return torch.cat([torch.stack([c, s, phases[..., 0], -s, c, phases[..., 1]], dim=-1), kind[..., :6]], dim=-1)


def _background(
    dice: Dice, backgrounds: Int[Tensor, " N"], variety: float, d: float
) -> tuple[Float[Tensor, "N 2 2 3"], Float[Tensor, "N 2 12"]]:
    """Paint and texture of the ground and the sky: dark and plain at first, then each kind's own."""
    kinds = words.BACKGROUNDS.values()
    own = torch.tensor([[dark, light, low, high] for dark, light, _, low, high in kinds], dtype=torch.float64)[
        backgrounds
    ]
    grey = torch.tensor([0.14, 0.14, 0.20, 0.20], dtype=torch.float64)[:, None]
    paints = grey + variety * (own - grey)  # [N, 4, 3]
    textures = torch.tensor([words.TEXTURES.index(kind[2]) for kind in kinds])[backgrounds]
    clouds = torch.full_like(textures, words.TEXTURES.index("marbled"))
    waves = wave_numbers(dice, "stuff", torch.stack([textures, clouds], dim=1), d)
    waves[:, 1, [0, 1, 3, 4, 6]] *= 0.4  # clouds are larger and smoother than marble
    return paints.unflatten(1, (2, 2)), waves


def _object_paints(
    dice: Dice, colours: Int[Tensor, "N K"], ground: Float[Tensor, "N 3"], d: float
) -> Float[Tensor, "N K 2 3"]:
    """The named colour, and beside it a darker or a creamy one; both fade towards the ground as it gets harder."""
    k = colours.shape[1]
    light = torch.tensor(list(words.COLOURS.values()), dtype=torch.float64)[colours]  # [N, K, 3]
    cream = 0.25 * light + 0.75 * torch.tensor([0.98, 0.95, 0.86], dtype=torch.float64)
    creamy = (dice.uniform("creamy", k) < 0.5) & (light.mean(-1) < 0.6)
    other = torch.where(creamy[..., None], cream, 0.45 * light)
    fade = d * dice.uniform("fade", k, 0, 0.5)[..., None, None]
    both = torch.stack([other, light], dim=2)  # [N, K, 2, 3]
    return both + fade * (ground[:, None, None] - both)
