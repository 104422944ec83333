"""The sample archive, made once for all tests of the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.sample import make_sample


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the sample is kept in."""
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="session")
def sample(cache: Path) -> Path:
    """The sample archive."""
    return make_sample(cache)
