"""The sample archive, made once for all tests of the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.sample import make_sample
from tests.shared import made_once


@pytest.fixture(scope="session")
def cache() -> Path:
    """The folder that the sample is kept in."""
    return made_once("sample", make_sample)


@pytest.fixture(scope="session")
def sample(cache: Path) -> Path:
    """The sample archive."""
    return make_sample(cache)
