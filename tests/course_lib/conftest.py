"""Every shape in a public signature of course_lib is checked while its tests run."""

import jaxtyping
import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

install_import_hook("course_lib", "beartype.beartype")  # before any test imports course_lib
settings.register_profile("course", deadline=None)  # no test fails because the machine is busy
settings.load_profile("course")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def untyped():
    """Shape checking off, as a student has it: the library's own sentences must do."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
