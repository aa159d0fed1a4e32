# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The procedural world
#
# A mask drawn by hand takes a minute and is a few pixels off; nobody can draw optical flow at all. **What if the picture were
# made from the truth, instead of the truth from the picture?** `course_lib.data.scenes` is a small world of eight shapes with
# faces, rendered in batches. Whatever a lecture wants to learn, from a class to a camera's pose, is known there to the last
# digit, and there is always another scene.

# %%
import time
from dataclasses import fields

import matplotlib.pyplot as plt
import torch

from course_lib import viz
from course_lib.data import scenes
from course_lib.data.scenes import camera, picture

# %%
look = {"size": 128, "difficulty": 0.6, "objects": (3, 3), "camera": "moving"}
scene = scenes.sample(1, seed=1, start=22, frames=2, **look)
viz.show(
    picture.truths(scene),
    alt="Twelve views of one scene, a striped ring before two other shapes on grass: "
    "image, boxes, keypoints, semantic map, instances, amodal masks, depth, normals, "
    "albedo, shading, flow, and the camera's pose in numbers.",
)

# %% [markdown]
# ## What a batch holds
#
# Axes are called as everywhere in the course: N scenes, T frames, up to K objects, of which number 0 is the main one, and H×W
# pixels. Truths that you do not need can be left out: `truths=("boxes", "instances")` is faster than all.

# %%
for field in fields(scene)[1:]:
    value = getattr(scene, field.name)
    kind = str(value.dtype).removeprefix("torch.")
    print(f"{field.name:14} {kind:8} {tuple(value.shape)}")

# %% [markdown]
# ## What is there, and where
#
# A **box** comes twice: dotted around the whole object, solid around what is seen of it. **Instances** tell the objects apart,
# **semantic** labels only their classes. An **amodal mask** is the object as if nothing hid it.

# %%
viz.show(
    picture.truths(scene, only=("boxes", "instances", "amodal masks", "semantic")),
    alt="Four labels of the scene: boxes with class names, masks of what is seen, masks "
    "of the whole objects, and a map of classes in which sky and ground have labels too.",
)

# %%
print("classes:", *scenes.CLASSES)
for k, label in enumerate(scene.labels[0]):
    seen, box = scene.visibility[0, 0, k], scene.boxes[0, 0, k].int().tolist()
    print(f"object {k}: {scenes.CLASSES[label]:8} {seen:4.0%} seen, box {box}")

left, _, right, _ = scene.visible_boxes[0, 0, 0].tolist()
columns = scene.masks[0, 0, 0].any(0).nonzero()  # a box is the extent of its mask
assert left == columns.min() and right == columns.max() + 1

# %% [markdown]
# ## Parts
#
# Every object has six **keypoints**: two eyes, and where its own axes leave its outline. Full dots are seen, hollow ones are
# hidden by something, those outside of the picture are marked 0 in the data and not drawn.

# %%
viz.show(
    picture.truths(scene, only=("image", "keypoints")),
    alt="The scene, and the same with its keypoints: dots on the eyes and the ends of "
    "each shape, hollow where another shape is in front.",
)

# %%
for name, (x, y, flag) in zip(scenes.KEYPOINTS, scene.keypoints[0, 0, 2].tolist()):
    state = ("outside", "hidden", "seen")[int(flag)]
    print(f"the hexagon's {name:10} ({x:5.1f}, {y:5.1f})  {state}")

# %% [markdown]
# ## Space
#
# **Depth** runs along the optical axis, **normals** are unit vectors in the camera's axes, and the **pose** says where the
# camera is in the world: a position and a quaternion. They fit together: depth and intrinsics lift a pixel to a point, the pose
# carries it to the world, and there all points of the ground lie in one plane.

# %%
viz.show(
    picture.truths(scene, only=("depth", "normals")),
    alt="Depth, from near in yellow to far in violet, and surface normals as colours: "
    "the shapes bulge, the ground is flat.",
)

# %%
x, y = torch.meshgrid(*[torch.arange(128) + 0.5] * 2, indexing="xy")  # pixel centres
pixels = torch.stack([x, y, torch.ones_like(x)]).flatten(1)  # [3, H·W]
points = scene.depth[0, 0].flatten() * (scene.intrinsics.inverse() @ pixels)
position, turn = scene.poses[0, 0, :3], camera.rotation(scene.poses[0, 0, 3:])
world = turn @ points + position[:, None]
height = world[1, scene.semantic[0, 0].flatten() == 0]  # of what shows the ground
off = height.abs().max()
print(f"{len(height):,} points of the ground, at most {off:.0e} off its plane")
assert off < 1e-4

# %% [markdown]
# ## Light
#
# What a surface is painted with (**albedo**) times the light that falls on it (**shading**), plus the sensor's noise, is the
# image. Here that is an identity, and taking an image apart again can be checked.

# %%
viz.show(
    picture.truths(scene, only=("image", "albedo", "shading")),
    alt="The image, its colours without any light and shadow, and the light alone in "
    "grey, with shadows under the shapes.",
)
noise = scene.images - (scene.albedo * scene.shading[:, :, None]).clamp(0, 1)
print(f"what is left is noise: mean {noise.mean():+.4f}, deviation {noise.std():.4f}")
assert noise.mean().abs() < 0.005

# %% [markdown]
# ## Motion
#
# A clip has an **action**, what the main object does, and its objects keep their numbers from frame to frame: **tracks** for
# free. **Flow** says for each pixel where its point goes in the next frame; where it is grey the point is hidden there.

# %%
clip = scenes.sample(1, seed=1, start=22, frames=8, **look)
names = [f"frame {t}" for t in range(8)]
viz.show(
    picture.grid(clip.images[0], names, columns=4, side=1.7, title=clip.captions[0]),
    alt=f"Eight frames of a clip, captioned: {clip.captions[0]}.",
)

# %%
flows = torch.stack([picture.flow_colours(flow) for flow in clip.flow[0]])
flows = torch.where(clip.flow_visible[0, :, None], flows, 0.3)
names = [f"{t} to {t + 1}" for t in range(7)]
viz.show(
    picture.grid(flows, names, columns=7, title="flow: hue is direction"),
    alt="The flow between the frames as colours: the shapes and the ground move in "
    "directions of their own.",
)

# %% [markdown]
# ## Words
#
# Each scene has a **caption**: the main object, what it stands next to, the ground, and in a clip what it does.

# %%
for caption in scenes.sample(5, seed=2, frames=2).captions:
    print(caption)

# %% [markdown]
# ## How hard? A dial
#
# `difficulty` goes from 0 (one large plain shape, upright) to 1 (small, turned, textured, faint, noisy, behind others). A scene
# keeps its draws while you turn it: it grows harder without becoming another. More objects come with it, unless you say how
# many, as here.

# %%
dial, same = [0, 0.2, 0.4, 0.6, 0.8, 1], {"seed": 5, "objects": (1, 3), "truths": ()}
columns = [scenes.sample(3, difficulty=d, **same).images[:, 0] for d in dial]
pictures = torch.stack(columns, dim=1).flatten(0, 1)  # row by row
viz.show(
    picture.grid(pictures, [f"difficulty {d}" for d in dial], columns=6, side=1.45),
    alt="Three scenes at six difficulties: from plain shapes on dark ground to small, "
    "patterned, half-hidden shapes in noise.",
)

# %% [markdown]
# ## A split that lies
#
# With `biased="class"` the ground gives away the class in 19 scenes of 20. A network trained on it scores well by looking at
# grass, and falls apart on the fair split: the lectures on bias start here. `biased="action"` does the same to clips.

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True)
for ax, biased in zip(axes, (None, "class")):
    world = scenes.sample(2000, seed=3, size=8, biased=biased, truths=()).world
    pairs = 8 * world.labels[:, 0] + world.backgrounds
    counts = pairs.bincount(minlength=64).view(8, 8)
    ax.imshow(counts, cmap="Blues", vmin=0, vmax=280)
    ax.set_xticks(range(8), list(scenes.BACKGROUNDS), rotation=60)
    ax.set_yticks(range(8), scenes.CLASSES)
    ax.set(title=f"biased={biased!r}", xlabel="ground")
axes[0].set_ylabel("class of the main object")
viz.show(
    fig,
    alt="Counts of 2000 scenes by class and ground: even in the fair split, almost all on "
    "the diagonal if biased.",
)

# %%
fooled = scenes.sample(40, seed=3, biased="class", objects=(1, 1), truths=())
discs = fooled.images[fooled.labels[:, 0] == 0, 0][:4]
rings = fooled.images[fooled.labels[:, 0] == 4, 0][:4]
title = "biased: a disc is on grass, a ring on tiles"
viz.show(
    picture.grid(torch.cat([discs, rings]), columns=4, title=title),
    alt="Four discs, on grass, and four rings, on tiles.",
)

# %% [markdown]
# ## Other eyes
#
# `place=7` shows the same things every time from another camera, to learn where one stands. `camera="stereo"` gives what a left
# and a right eye see, and flow between them is disparity. A world can also be edited before it is rendered.

# %%
around = scenes.sample(4, seed=0, place=7, size=96, truths=()).images[:, 0]
viz.show(
    picture.grid(around, columns=4, side=1.7, title="place=7, four cameras"),
    alt="A striped star on sand from four cameras that stand and look differently.",
)

# %%
pair = scenes.sample(1, seed=1, start=22, frames=2, **{**look, "camera": "stereo"})
viz.show(
    picture.grid(pair.images[0], ["left eye", "right eye"], columns=2, side=1.7),
    alt="The scene as a left and a right eye see it: near shapes shift more than far ones.",
)

# %%
world, star = scene.world, torch.tensor([scenes.CLASSES.index("star")])
edited = [world.without_main(), world.with_main(star), world.without_background()]
edits = [scenes.render(one, size=128, truths=()).images[0] for one in edited]
names = ["without it", "a star instead", "no background"]
viz.show(
    picture.grid(torch.cat(edits), names, columns=3, side=1.7),
    alt="The scene without its ring, with a star in its place, and on plain grey.",
)

# %% [markdown]
# ## Always the same, and fast
#
# Random numbers here have an address: seed, number of the scene, name. Scene 22 is the same in every batch, on every machine,
# and a training set needs no file.

# %%
labels = ("boxes", "instances", "semantic")
batch = scenes.sample(40, seed=1, truths=labels)
alone = scenes.sample(1, seed=1, start=22, truths=labels)
assert torch.equal(alone.images[0], batch.images[22])

started = time.perf_counter()
scenes.sample(1024, seed=0, truths=labels)
rate = 1024 / (time.perf_counter() - started)
print(f"{rate:,.0f} labelled 64×64 scenes a second when this page was built")
