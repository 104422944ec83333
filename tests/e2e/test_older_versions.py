"""Data of other versions: an older one is carried over, a newer one refused."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.e2e.process import environment, run
from tests.world import PHONE, World, until
from utils.constants import ROOT
from utils.conversion_state import ConversionStateManager
from utils.diagnostics.check import Level
from utils.diagnostics.state import check_state
from utils.errors import TooNew
from utils.storage import bindings
from utils.storage.version import FILE_NAME, VERSION
from utils.terminal.main import USAGE

MADE = ROOT / "tests" / "storage" / "older" / "version-1.0.0.tar.xz"
#: The folder that it was made in, which is in the state of its conversions.
MADE_IN = "/tmp/owner-v1-made"  # noqa: S108


def lay_out(folder: Path) -> None:
    """Put into ``folder`` what version 1.0.0 left at work."""
    with tarfile.open(MADE) as made:
        made.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12 has a Python without
        made.extractall(folder)  # noqa: S202


async def test_what_1_0_0_left_at_work_is_taken_over_and_delivered_once(tmp_path: Path) -> None:
    lay_out(tmp_path)
    state = tmp_path / "data" / "conversion_state.json"
    state.write_text(state.read_text().replace(MADE_IN, str(tmp_path)))
    assert not (tmp_path / "data" / FILE_NAME).exists()
    async with Sandbox(tmp_path / "telegram") as sandbox, sandbox.person(PHONE) as person:
        world = World(tmp_path, sandbox, person, (await person.client.get_me()).id)
        assert len(world.media()) == 8
        # The conversions' plans are those of 1.0.0, unless this is another ffmpeg.
        async with world.running():
            await until(lambda: not world.leftovers())
        kinds = [message.kind for message in world.media()]
        assert sorted(kinds) == ["photo"] * 20 + ["video"] * 2
        assert len({message.sha256 for message in world.media()}) == 22
        said = [message.text for message in world.chat() if message.kind == "text"]
        assert sum(" sent." in text for text in said) == 2, said
    assert any("♻️ Resumed job: first.zip" in line for line in world.lines())
    written = json.loads((tmp_path / "data" / FILE_NAME).read_text())
    assert written["version"] == VERSION and written["program"]
    assert not [path for path in (tmp_path / "data" / "quarantine").iterdir()]


async def test_what_a_newer_version_wrote_is_refused_and_not_touched(world: World) -> None:
    world.data.mkdir()
    (world.data / FILE_NAME).write_text(json.dumps({"version": VERSION + 1, "more": "than we know"}))
    before = sorted(world.data.rglob("*"))
    ended = await run(environment(world))
    assert ended.code == USAGE
    assert f"is of version {VERSION + 1}, and this bot knows version {VERSION} at most" in ended.err
    assert "./bot upgrade" in ended.err and "Traceback" not in ended.err
    assert set(world.data.rglob("*")) - set(before) <= {world.data / "bot.lock"}
    worst = [check for check in check_state(world.settings) if check.level is Level.FAIL]
    assert [check.name for check in worst] == ["Version of the data"]


def test_files_of_a_newer_version_are_refused_one_by_one(tmp_path: Path) -> None:
    states = tmp_path / "conversion_state.json"
    entry = {"file_path": "/a", "status": "pending", "version": VERSION + 1}
    states.write_text(json.dumps({"/a": entry}))
    with pytest.raises(TooNew):
        ConversionStateManager(states)
    names = tmp_path / bindings.FILE_NAME
    names.write_text(json.dumps({"version": bindings.VERSION + 1, "ids": {}}))
    with pytest.raises(TooNew):
        bindings.Bindings(names, tmp_path / "quarantine", ())
    assert json.loads(states.read_text()) == {"/a": entry}
    assert not (tmp_path / "quarantine").exists()
