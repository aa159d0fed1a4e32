"""From a world to its pictures and every truth about them, in batches of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.data.scenes import truths as truth
from course_lib.data.scenes.batch import OPTIONAL, SceneBatch
from course_lib.data.scenes.camera import FOCAL
from course_lib.data.scenes.dice import pixel_noise
from course_lib.data.scenes.shapes import EYE_RADIUS, PUPIL_RADIUS, distance, sorted_distance
from course_lib.data.scenes.stage import BACKDROP, BEND, SOLID, Stage, affine, background, build, meet, pixel_rays
from course_lib.data.scenes.windows import Windows, sliding, windows
from course_lib.data.scenes.world import EYE_LEVEL, World

KEPT = 31 * 2**18  # floats; once a block of 31 MB was freed, glibc keeps freed memory below it for the next tensor
CPU_CANVAS, GPU_CANVAS = 30 * 2**18, 2**25  # floats of a chunk's canvas: below that block; what keeps a GPU busy
PENUMBRA = 0.2  # width of a shadow's edge, in object units

COLOUR = slice(3)  # its planes of a canvas


class Planes(NamedTuple):
    """The planes of a canvas [P, B, H, W], of which the soft ones are blended where an edge runs through a pixel.

    The hard ones are those of the surface at the pixel's centre. Its number: 0 the ground, 1 the sky, 2 + k object k.
    """

    soft: slice  # red, green, blue, and the shading if it is wanted
    hard: slice  # depth, the number of the surface, and its normals if they are wanted
    shading: int | None
    depth: int
    surface: int
    normals: slice | None
    count: int

    @classmethod
    def wanted(cls, truths: set[str]) -> Planes:
        shading, normals = bool(truths & {"shading", "albedo"}), "normals" in truths
        depth = 3 + shading
        return cls(
            soft=slice(depth),
            hard=slice(depth, None),
            shading=3 if shading else None,
            depth=depth,
            surface=depth + 1,
            normals=slice(depth + 2, depth + 5) if normals else None,
            count=depth + 2 + 3 * normals,
        )

    def fill(
        self, part: Tensor, lit: Tensor, z: Tensor, surface: Tensor | int, normal: Callable[[int], Tensor]
    ) -> None:
        """Write all planes but the colours of a part of a canvas."""
        if self.shading is not None:
            part[self.shading] = lit
        part[self.depth], part[self.surface] = z, surface
        if self.normals:
            for i, plane in enumerate(part[self.normals]):
                plane.copy_(normal(i))


def render(
    world: World,
    *,
    size: int = 64,
    frames: int = 1,
    truths: tuple[str, ...] | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> SceneBatch:
    """Render a world, drawn or edited; for the arguments see :func:`course_lib.data.scenes.sample`."""
    device = torch.device(device or "cpu")
    wanted = set(OPTIONAL if truths is None else truths)
    if wanted - set(OPTIONAL):
        raise ValueError(f"There is no truth {min(wanted - set(OPTIONAL))!r}; choose among: {', '.join(OPTIONAL)}.")
    if frames == 1:
        wanted -= {"flow", "flow_visible"}
    threads, room_for = (torch.get_num_threads(), CPU_CANVAS) if device.type == "cpu" else (1, GPU_CANVAS)
    step = _chunk(len(world), threads, room_for // (Planes.wanted(wanted).count * frames * size**2))
    out = {"images": torch.empty(len(world), frames, 3, size, size, device=device, dtype=dtype)}
    room = Lock()

    def fill(first: int) -> None:
        chunk = slice(first, min(first + step, len(world)))
        images = out["images"][chunk].flatten(0, 1)
        for name, value in _render(world[chunk], images, frames, wanted).items():
            clips = value.unflatten(0, (-1, frames - name.startswith("flow")))
            with room:  # whichever chunk is ready first makes room for all
                if name not in out:
                    out[name] = clips.new_empty(len(world), *clips.shape[1:])
            out[name][chunk] = clips

    torch.empty(KEPT)
    _side_by_side(fill, range(0, len(world), step), threads)
    return SceneBatch(
        world=world,
        labels=world.labels.masked_fill(~world.present, -1).to(device),
        present=world.present.to(device),
        actions=world.actions[:, 0].to(device),
        poses=world.poses(frames).to(device, dtype),
        **out,
    )


def _chunk(scenes: int, threads: int, most: int) -> int:
    """How many scenes to render at once: at most so many, and as many for each thread as for the others."""
    rounds = math.ceil(scenes / (threads * max(1, most)))
    return math.ceil(scenes / (threads * rounds))


def _side_by_side(work: Callable[[int], None], items: Sequence[int], threads: int) -> None:
    """Do all the work, several items at a time: the tensors are too small for torch to share one among threads well."""
    if threads == 1 or len(items) == 1:
        for item in items:
            work(item)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(work, items))
    finally:
        torch.set_num_threads(threads)  # the workers' 1 is also the default of threads that are yet to come


def _render(world: World, images: Float[Tensor, "B 3 H W"], frames: int, wanted: set[str]) -> dict[str, Tensor]:
    """One chunk: the ground and the sky, then the objects from far to near over them; returns all truths but the images."""
    size = images.shape[-1]
    stage = build(world, frames, images.device, images.dtype)
    x, y = pixel_rays(size, stage.position)
    planes = Planes.wanted(wanted)
    canvas = _backdrop(world, stage, x, y, planes)
    groups = windows(stage, x, y)
    masks = _add_objects(canvas, planes, groups, world.labels.shape[1])

    colour, depth, surface = canvas[COLOUR], canvas[planes.depth], canvas[planes.surface].byte()
    make = {
        "instances": lambda: surface.clamp(min=1) - 1,
        "semantic": lambda: truth.semantic(surface, world.labels),
        "depth": lambda: depth,
        "normals": lambda: canvas[planes.normals].movedim(0, 1),
        "shading": lambda: canvas[planes.shading],
        "albedo": lambda: (colour / canvas[planes.shading]).movedim(0, 1),
        "keypoints": lambda: truth.keypoints(stage, world, size),
    }
    out = {name: make[name]() for name in wanted & make.keys()}
    _expose(world, colour, images)
    out |= truth.of_masks(groups, masks, surface, world.labels.shape[1], wanted)
    if wanted & {"flow", "flow_visible"}:
        out["flow"], out["flow_visible"] = truth.flow(stage, depth, surface, x, y, frames)
    return out


def _backdrop(world: World, stage: Stage, x: Tensor, y: Tensor, planes: Planes) -> Float[Tensor, "P B H W"]:
    """The empty stage: a canvas with the sky on its upper rows and the ground on its lower ones."""
    b, size = len(stage.position), x.shape[-1]

    def each(column: Tensor) -> Tensor:
        return column.repeat_interleave(b // len(world), dim=0).to(stage.position)

    paint, waves = each(world.paints[:, :2]), each(world.waves[:, :2])
    bright, ambient = each(world.brightness)[:, None, None], each(world.ambient)[:, None, None]
    position = stage.position[:, :, None, None]
    up, ahead = (-stage.rotation[:, i, :, None, None] for i in (1, 2))  # (0, −1, 0) and (0, 0, −1) from the camera
    canvas = stage.position.new_empty(planes.count, b, size, size)

    near_ground, near_sky = background(stage, x, y)
    is_ground = near_ground > near_sky
    sides = is_ground[..., :: size - 1]  # the horizon is a straight line: enough to know which rows hold what
    low = int(sides.any(-1).any(0).byte().argmax())  # the first row with some ground
    high = size - int(sides.all(-1).all(0).logical_not().flip(0).byte().argmax())  # below the last one with some sky

    z = near_sky[:, :high].reciprocal()
    across, height = (position[:, i] + z * affine(stage.rotation[:, i], x, y[:, :high]) for i in (0, 1))
    clouds = _texture(waves[:, 1], across, height, FOCAL * size / z)
    mix = clouds.mul_(0.5).sub_(height, alpha=0.2).clamp_(0, 1)
    sky = canvas[:, :, :high]
    _mix(paint[:, 1] * bright, mix, sky[COLOUR])
    planes.fill(sky, bright, z, 1, lambda i: ahead[:, i])

    y = y[:, low:]
    z = near_ground[:, low:].clamp_min(0.5 / BACKDROP).reciprocal_()
    across, along = (position[:, i] + z * affine(stage.rotation[:, i], x, y) for i in (0, 2))
    lamp = (1 - ambient) / SOLID * -each(world.lights[:, 1])[:, None, None]
    lit = (1 - _shadows(stage, across, along)).mul_(lamp).add_(ambient).mul_(bright)
    sharp = FOCAL * size * EYE_LEVEL / z.square()  # pixels a unit of ground, along the view
    mix = _texture(waves[:, 0], across, along, sharp)
    mixed, beyond = canvas[:, :, low:high].clone(), ~is_ground[:, low:high]  # rows with both: there the sky comes back
    ground = canvas[:, :, low:]
    _mix(paint[:, 0], mix, ground[COLOUR])
    ground[COLOUR] *= lit
    planes.fill(ground, lit, z, 0, lambda i: up[:, i])
    both = canvas[:, :, low:high]
    both.copy_(torch.where(beyond, mixed, both))
    return canvas


def _shadows(stage: Stage, across: Tensor, along: Tensor) -> Float[Tensor, "B H W"]:
    """How much of the lamp the objects hide from each point (X, 0, Z) of the ground; their bend is left out."""
    shadow = torch.zeros_like(across)
    for views, counts, cards in stage.slots:
        if not len(views):
            continue
        x, z = across[views], along[views]
        p, q = (affine(cards.shadow[:, i], x, z) for i in (0, 1))
        cover = sorted_distance(counts, p, q).mul_(-1 / PENUMBRA).add_(0.5).clamp_(0, 1)
        shadow[views] = torch.maximum(cover, shadow[views])
    return shadow


def _add_objects(
    canvas: Float[Tensor, "P B H W"], planes: Planes, groups: list[Windows], k: int
) -> list[Bool[Tensor, "_ _ _"]]:
    """Paint each object in its window, paste them far to near, and return their whole masks."""
    painted = [_paint(group, canvas.shape[-1], planes) for group in groups]
    for rank in range(k):
        for group, (values, cover, inside) in zip(groups, painted):
            part, place = group.places(rank)
            if part.start == part.stop:
                continue
            pictures = sliding(canvas, cover.shape[-1])
            under, over = pictures[:, *place], values[:, part]  # [P, m, w, w]
            front = (over[planes.depth] < under[planes.depth]).to(cover)
            under[planes.soft].lerp_(over[planes.soft], cover[part] * front)
            under[planes.hard].lerp_(over[planes.hard], inside[part] * front)
            pictures[:, *place] = under
    return [inside.bool() for _, _, inside in painted]


def _paint(
    group: Windows, size: int, planes: Planes
) -> tuple[Float[Tensor, "P M h w"], Float[Tensor, "M h w"], Float[Tensor, "M h w"]]:
    """What each object would put on a canvas, how much of a pixel it covers, and 1 where the pixel's centre is inside."""
    cards = group.cards
    z, p, q = meet(cards, group.x, group.y)
    edge = distance(group.shapes, p, q)
    sharp = FOCAL * size * (cards.scale / cards.at[:, 2])[:, None, None]  # pixels a unit of p
    cover = (edge * -sharp).add_(0.5).clamp_(0, 1)  # soft over one pixel

    length = (p * p).addcmul_(q, q).mul_(BEND**2).add_(1).rsqrt_()
    outward = p.new_tensor([BEND, BEND, -1])  # the normal at (p, q) is (κp, κq, −1) / √(κ²(p² + q²) + 1)
    lit = affine(cards.light * outward, p, q).mul_(length).clamp_(0)
    lit.mul_(cards.lamp[:, 1:, None]).add_(cards.lamp[:, :1, None])
    values = z.new_empty(planes.count, *z.shape)
    _mix(cards.paint, _texture(cards.waves, p, q, sharp), values[COLOUR])
    _paint_eyes(values[COLOUR], cards.eye, p, q, sharp)
    values[COLOUR] *= lit
    surface = (2 + group.slots)[:, None, None]
    planes.fill(values, lit, z, surface, lambda i: affine(cards.turn[:, i] * outward, p, q).mul_(length))
    return values, cover, (edge < 0).to(z)


def _texture(waves: Float[Tensor, "M 12"], p: Tensor, q: Tensor, sharp: Tensor) -> Float[Tensor, "M H W"]:
    """How much of the light colour a point shows: two waves, mixed and sharpened until an edge is one pixel wide.

    Args:
        sharp: pixels a unit of p. Where a wave is shorter than a pixel the edge goes soft and the texture fades.
    """
    k_p, k_q, *_, warp, one, in_a, in_b, in_ab, sharpest = waves[:, :, None, None].unbind(1)
    a = affine(waves[:, :3], p, q).cos_()
    b = affine(waves[:, 3:6], p, q).addcmul_(warp, a).cos_()
    edge = torch.minimum(sharp / (k_p**2 + k_q**2).sqrt(), sharpest)
    total = (b * in_ab).add_(in_a).mul_(a).add_(one).addcmul_(in_b, b)
    return total.mul_(edge).add_(0.5).clamp_(0, 1)


def _mix(paint: Float[Tensor, "M 2 3"], light: Float[Tensor, "M H W"], colour: Float[Tensor, "3 M H W"]) -> None:
    """Make red, green and blue between the dark and the light colour."""
    dark, bright = paint[..., None, None].unbind(1)  # [M, 3, 1, 1]
    for plane, least, step in zip(colour, dark.unbind(1), (bright - dark).unbind(1)):
        torch.addcmul(least, light, step, out=plane)


def _paint_eyes(
    colour: Float[Tensor, "3 M H W"], eye: Float[Tensor, "M 2"], p: Tensor, q: Tensor, sharp: Tensor
) -> None:
    """Paint two eyes: a white disc with a dark pupil, mirrored in the object's own vertical axis."""
    x, y = eye[:, 0, None, None], eye[:, 1, None, None]
    away = (p.abs() - x).square_().add_((q - y).square_()).sqrt_().mul_(-sharp)
    white = (away + (0.5 + EYE_RADIUS * sharp)).clamp_(0, 1)
    pupil = away.add_(0.5 + PUPIL_RADIUS * sharp).clamp_(0, 1).mul_(-0.9).add_(0.96)
    for plane in colour:
        plane.lerp_(pupil, white)


def _expose(world: World, colour: Float[Tensor, "3 B H W"], images: Float[Tensor, "B 3 H W"]) -> None:
    """Make the images: add the sensor's noise, uniform with the world's standard deviation, and clip."""
    noise = world.noise * 12**0.5 / 1023  # of one step of ten bits
    frames = colour.shape[1] // len(world)
    keys = (world.noise_keys[:, None] + torch.arange(frames) * 0x9E3779B1).flatten() & 0x7FFFFFFF
    bits = pixel_noise(keys.to(colour.device), colour.shape[-1]) if noise.any() else None
    noise = noise.repeat_interleave(frames).to(colour)[:, None, None]
    for c, plane in enumerate(colour):
        if bits is not None:
            plane = ((bits >> 10 * c) & 1023).to(noise).sub_(511.5).mul_(noise).add_(plane)
        torch.clamp(plane, 0, 1, out=images[:, c])
