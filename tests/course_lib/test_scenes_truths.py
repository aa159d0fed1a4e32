"""Every truth of a scene against a second way to know it."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from course_lib.data import scenes
from course_lib.data.scenes import camera, shapes
from course_lib.data.scenes.stage import BACKDROP, BEND
from course_lib.data.scenes.world import BASELINE

SIZE, K = 48, 4


@pytest.fixture(scope="module")
def batch() -> scenes.SceneBatch:
    return scenes.sample(
        24, seed=0, size=SIZE, difficulty=0.8, objects=(1, K), frames=3, camera="moving", dtype=torch.float64
    )


def pixel_rays() -> torch.Tensor:
    """(x, y, 1) through each pixel's centre, [3, H, W], from the intrinsics."""
    rows, columns = torch.meshgrid(*[torch.arange(SIZE, dtype=torch.float64) + 0.5] * 2, indexing="ij")
    pixels = torch.stack([columns, rows, torch.ones_like(rows)])
    return torch.einsum("ij,jhw->ihw", camera.intrinsics(SIZE).inverse(), pixels)


def test_quaternions_are_rotations():
    """A quarter turn about each axis by hand, then yaw · tilt · roll as a product of matrices."""
    quarter, h = torch.pi / 2, 0.5**0.5
    expected = {0: [h, 0, h, 0], 1: [h, h, 0, 0], 2: [h, 0, 0, h]}
    moves = {
        0: [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
        1: [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        2: [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    }
    parts = []
    for axis in range(3):
        q = camera.quaternion(F.one_hot(torch.tensor(axis), 3).double() * quarter)
        assert q.tolist() == pytest.approx(expected[axis])
        torch.testing.assert_close(
            camera.rotation(q), torch.tensor(moves[axis], dtype=torch.float64), atol=1e-12, rtol=0
        )
    angles = torch.randn(20, 3, dtype=torch.float64)
    parts = [camera.rotation(camera.quaternion(angles * F.one_hot(torch.tensor(axis), 3))) for axis in range(3)]
    torch.testing.assert_close(
        camera.rotation(camera.quaternion(angles)), parts[0] @ parts[1] @ parts[2], atol=1e-12, rtol=0
    )


def test_masks_part_the_image(batch):
    assert (
        torch.equal(batch.masks.sum(2), (batch.instances > 0).long()) and (batch.masks.sum((-1, -2)) > 0).any(0).all()
    )
    assert (batch.masks <= batch.amodal).all() and not batch.amodal[~batch.present[:, None].expand(-1, 3, -1)].any()
    labels = torch.cat([torch.zeros(24, 1), batch.labels + 2], dim=1)
    of_instance = labels.gather(1, batch.instances.flatten(1).long()).view_as(batch.instances)
    there = batch.instances > 0
    assert torch.equal(batch.semantic[there].double(), of_instance[there].double()) and set(
        batch.semantic[~there].tolist()
    ) == {0, 1}
    assert (batch.depth[(batch.semantic == 0)] < 12).all()
    areas = batch.masks.sum((-1, -2)) / batch.amodal.sum((-1, -2)).clamp(min=1)
    torch.testing.assert_close(batch.visibility.double(), areas.double(), atol=1e-6, rtol=0)


def test_boxes_are_the_extents_of_the_masks(batch):
    for boxes, masks in ((batch.boxes, batch.amodal), (batch.visible_boxes, batch.masks)):
        for box, mask in zip(boxes.flatten(0, 2).tolist(), masks.flatten(0, 2)):
            rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if mask.any() else [0] * 4
            assert box == [float(side) for side in found]


def test_the_nearest_surface_is_seen(batch):
    """Each object rendered alone gives its depth everywhere; the nearest of all must be what the full scene shows."""
    empty = scenes.render(
        dataclasses.replace(batch.world, present=torch.zeros_like(batch.world.present)),
        size=SIZE,
        frames=3,
        dtype=torch.float64,
    )
    nearest, winner = empty.depth.clone(), torch.zeros_like(batch.instances)
    for k in range(K):
        only = batch.world.present & (torch.arange(K) == k)
        alone = scenes.render(dataclasses.replace(batch.world, present=only), size=SIZE, frames=3, dtype=torch.float64)
        assert torch.equal(alone.amodal[:, :, k], batch.amodal[:, :, k])
        front = (alone.instances == k + 1) & (alone.depth < nearest)
        nearest, winner = torch.where(front, alone.depth, nearest), torch.where(front, k + 1, winner)
    torch.testing.assert_close(batch.depth, nearest, atol=1e-12, rtol=0)
    assert torch.equal(batch.instances, winner.byte())


def test_depth_and_normals_agree(batch):
    """Depth makes each pixel a point; neighbours span the surface, and their cross product is its normal."""
    assert torch.allclose(batch.normals.norm(dim=2), torch.ones(()).double(), atol=1e-12)
    assert ((batch.normals * pixel_rays()).sum(2) < 0).all()  # towards the camera
    points = batch.depth[:, :, None] * pixel_rays()  # [N, T, 3, H, W]
    right, down = points[..., 1:-1, 2:] - points[..., 1:-1, :-2], points[..., 2:, 1:-1] - points[..., :-2, 1:-1]
    normals = F.normalize(torch.linalg.cross(down, right, dim=2), dim=2)
    surface = (batch.instances.long() * 20 + batch.semantic).double().flatten(0, 1)[:, None]
    flat = (F.max_pool2d(surface, 3, 1) == -F.max_pool2d(-surface, 3, 1)).view(normals.shape[:2] + normals.shape[3:])
    cosine = (normals * batch.normals[..., 1:-1, 1:-1]).sum(2)[flat]
    assert flat.double().mean() > 0.6 and cosine.min() > 0.995 and cosine.mean() > 0.99999


def test_the_background_is_where_the_world_has_it(batch):
    turn = camera.rotation(batch.poses[..., 3:])
    points = (
        torch.einsum("ntij,ntjhw->ntihw", turn, batch.depth[:, :, None] * pixel_rays())
        + batch.poses[..., :3, None, None]
    )
    assert (
        points[:, :, 1][batch.semantic == 0].abs().max() < 1e-9
        and (points[:, :, 2][batch.semantic == 1] - BACKDROP).abs().max() < 1e-9
    )
    assert torch.allclose(batch.poses[..., 3:].norm(dim=-1), torch.ones(()).double())
    still = scenes.sample(3, seed=0, size=16, camera="still").poses
    assert (still[..., 3:] == torch.tensor([1.0, 0, 0, 0])).all() and (still[..., [0, 2]] == 0).all()


def in_the_world(batch: scenes.SceneBatch, places: torch.Tensor, frame: int) -> torch.Tensor:
    """Points [N, K, P, 2] of the objects' own frames as points [N, K, P, 3] of the world."""
    centres, turns = (part[:, frame] for part in batch.world.placements(3))
    bowl = torch.cat([places, BEND / 2 * places.square().sum(-1, keepdim=True)], dim=-1)
    return torch.einsum("nkij,nkpj->nkpi", turns, bowl) * batch.world.scales[..., None, None] + centres[:, :, None]


def to_pixels(batch: scenes.SceneBatch, points: torch.Tensor, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels [..., 2] and depths of world points [N, ..., 3], through the pose and the intrinsics of a frame."""
    flat = camera.to_camera(points.flatten(1, -2), batch.poses[:, frame]).view(points.shape)
    pixels = flat @ batch.intrinsics.T
    return pixels[..., :2] / pixels[..., 2:], flat[..., 2]


def test_keypoints_lie_where_the_objects_frame_says(batch):
    places = shapes.KEYPOINT_PLACES[batch.world.labels]
    for frame in range(3):
        pixels, depth = to_pixels(batch, in_the_world(batch, places, frame), frame)
        found = batch.keypoints[:, frame]
        torch.testing.assert_close(found[..., :2], pixels, atol=1e-9, rtol=0)
        inside = ((pixels > 0) & (pixels < SIZE)).all(-1) & batch.present[..., None]
        assert torch.equal(found[..., 2] > 0, inside)
        # In the middle of surfaces the depth map must tell the same story about what hides a point.
        row, column = pixels.long().clamp(0, SIZE - 1).unbind(-1)[::-1]
        at = torch.arange(24)[:, None, None]
        own = batch.instances[:, frame][at, row, column] == torch.arange(1, K + 1)[:, None]
        nearer = batch.depth[:, frame][at, row, column] < depth - 0.15
        assert (found[..., 2][own & inside] == 2).double().mean() > 0.99
        assert (found[..., 2][nearer & inside] == 1).double().mean() > 0.9 and (nearer & inside).sum() > 4


def test_eyes_are_painted_where_the_keypoints_say():
    easy = scenes.sample(16, seed=0, size=96, difficulty=0.2, objects=(1, 1))
    x, y = easy.keypoints[:, 0, 0, :2, 0].long(), easy.keypoints[:, 0, 0, :2, 1].long()
    assert easy.albedo[torch.arange(16)[:, None], 0, :, y, x].max() < 0.15  # pupils


def test_flow_takes_each_point_of_an_object_to_itself(batch):
    """The point that a pixel shows, in its object's own frame, is placed in the next frame and projected."""
    for frame in range(2):
        turn = camera.rotation(batch.poses[:, frame, 3:])
        world = (
            torch.einsum("nij,njhw->nhwi", turn, batch.depth[:, frame, None] * pixel_rays())
            + batch.poses[:, frame, None, None, :3]
        )
        centres, turns = batch.world.placements(3)
        moved = world.clone()
        for k in range(K):
            place = [part[:, :, k] for part in (centres, turns)]
            own = torch.einsum("nji,nhwj->nhwi", place[1][:, frame], world - place[0][:, frame, None, None])
            bowl = own[..., 2] - BEND / 2 * own[..., :2].square().sum(-1) / batch.world.scales[:, k, None, None]
            mask = batch.masks[:, frame, k]
            assert bowl[mask].abs().max() < 1e-9  # it lies on the bowl
            after = torch.einsum("nij,nhwj->nhwi", place[1][:, frame + 1], own) + place[0][:, frame + 1, None, None]
            moved = torch.where(mask[..., None], after, moved)
        target, depth = to_pixels(batch, moved, frame + 1)
        start = torch.arange(SIZE, dtype=torch.float64) + 0.5
        flow = target - torch.stack(torch.meshgrid(start, start, indexing="xy"), dim=-1)
        torch.testing.assert_close(batch.flow[:, frame].movedim(1, -1), flow, atol=1e-9, rtol=0)
        check_flow_visible(batch, frame, target, depth)


def check_flow_visible(batch, frame, target, depth):
    visible = batch.flow_visible[:, frame]
    assert not visible[((target < 0) | (target > SIZE)).any(-1)].any() and 0.5 < visible.double().mean() < 1
    inside = ((target > 0) & (target < SIZE)).all(-1)
    column, row = target.long().clamp(0, SIZE - 1).unbind(-1)
    at = torch.arange(24)[:, None, None]
    found = batch.instances[:, frame + 1][at, row, column]
    same = found == batch.instances[:, frame]
    hidden = ~same & (found > 0) & (batch.depth[:, frame + 1][at, row, column] < depth - 0.15)
    assert visible[inside & same].double().mean() > 0.98 and hidden.sum() > 100
    assert visible[inside & hidden].double().mean() < 0.35  # the target's pixel may be cut by the edge of what hides it


def test_flow_warps_the_next_frame_back():
    """The albedo of the next frame, read at the flow's targets, is this frame's, away from edges."""
    clip = scenes.sample(12, seed=3, size=96, difficulty=0.5, objects=(2, 3), frames=2, camera="moving")
    here, next_ = clip.albedo[:, 0], clip.albedo[:, 1]
    start = torch.arange(96) + 0.5
    grid = (torch.stack(torch.meshgrid(start, start, indexing="xy"), dim=-1) + clip.flow[:, 0].movedim(1, -1)) / 48 - 1
    warped = F.grid_sample(next_, grid, align_corners=False)
    visible, objects = clip.flow_visible[:, 0], clip.instances[:, 0] > 0
    error = (warped - here).abs().mean(1)
    unmoved = (next_ - here).abs().mean(1)
    assert (
        error[visible & objects].mean() < 0.02
        and error[visible & objects].mean() < 0.4 * unmoved[visible & objects].mean()
    )
    assert error[visible].median() < 0.005


def test_a_stereo_pair_gives_depth_by_disparity():
    pair = scenes.sample(6, seed=1, size=32, frames=2, camera="stereo", dtype=torch.float64)
    disparity = camera.FOCAL * 32 * BASELINE / pair.depth[:, 0]
    torch.testing.assert_close(pair.flow[:, 0, 0], -disparity, atol=1e-9, rtol=0)
    assert pair.flow[:, 0, 1].abs().max() < 1e-9


def test_the_main_object_does_what_its_action_says():
    clip = scenes.sample(160, seed=0, size=32, difficulty=0.1, objects=(1, 1), frames=4, camera="still")
    first, last = clip.keypoints[:, 0, 0, :, :2], clip.keypoints[:, -1, 0, :, :2]
    (dx, dy) = (last - first)[:, 2:].mean(1).unbind(-1)
    growth = (last[:, 3] - last[:, 5]).norm(dim=1) / (first[:, 3] - first[:, 5]).norm(dim=1)
    eyes = [(k[:, 1] - k[:, 0]) for k in (first, last)]
    turn = torch.atan2(eyes[1][:, 1], eyes[1][:, 0]) - torch.atan2(eyes[0][:, 1], eyes[0][:, 0])
    signs = {
        "left": -dx,
        "right": dx,
        "up": -dy,
        "down": dy,
        "nearer": growth - 1,
        "farther": 1 - growth,
        "clockwise": turn,
        "anticlockwise": -turn,
    }
    for action, sign in signs.items():
        does = clip.actions == scenes.ACTIONS.index(action)
        assert does.sum() > 5 and (sign[does] > 0.05).all(), action
    tracks = clip.masks.any(-1).any(-1)[:, :, 0]
    assert tracks.all()  # the same number in every frame


def test_the_first_frame_does_not_give_the_action_away():
    """The action alone is changed: frame 0 stays the same, pixel by pixel."""
    world = scenes.draw(
        torch.arange(8), seed=0, difficulty=0.5, objects=(1, 2), frames=4, camera="free", biased=None, place=None
    )
    other = dataclasses.replace(world, velocities=-world.velocities, spins=world.spins + 0.1)
    assert torch.equal(
        scenes.render(world, size=16, frames=4).images[:, 0], scenes.render(other, size=16, frames=4).images[:, 0]
    )


def test_an_image_is_albedo_times_shading():
    clean = scenes.sample(8, seed=2, size=32, difficulty=0)
    torch.testing.assert_close(clean.images, (clean.albedo * clean.shading[:, :, None]).clamp(0, 1), atol=1e-5, rtol=0)
    noisy = scenes.sample(8, seed=2, size=64, difficulty=0.8, dtype=torch.float64)
    clean = noisy.albedo * noisy.shading[:, :, None]
    noise = (noisy.images - clean)[(clean > 0.15) & (clean < 0.85)]
    assert noise.mean().abs() < 1e-3 and noise.std().item() == pytest.approx(0.06 * 0.8, rel=0.02)
