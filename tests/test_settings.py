"""Settings: one table, from which the example file is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils import constants
from utils.constants import (
    EXAMPLE_NAME,
    ROOT,
    SETTINGS,
    load_settings,
    missing_settings,
)
from utils.errors import SettingsError
from utils.properties import parse_properties
from utils.terminal.settings_tables import example_text


def test_the_example_file_is_the_table() -> None:
    assert (ROOT / EXAMPLE_NAME).read_text(encoding="utf-8") == example_text()


def test_the_example_file_as_it_is_gives_the_defaults_and_lacks_what_is_required(tmp_path: Path) -> None:
    settings = load_settings({}, ROOT / EXAMPLE_NAME)
    assert settings == load_settings({}, tmp_path / "none")
    assert [info.name for info in missing_settings(settings)] == ["API_ID", "API_HASH", "AUTHORIZED_USERS"]


def test_every_setting_in_the_example_can_be_uncommented_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "secrets.properties"
    names = {info.name for info in SETTINGS}
    lines = [line.removeprefix("#") for line in example_text().splitlines()]
    file.write_text("\n".join(line for line in lines if line.partition("=")[0] in names))
    assert load_settings({}, file) == load_settings({}, tmp_path / "none")


def test_every_setting_says_what_it_means() -> None:
    for info in SETTINGS:
        assert info.meaning.endswith("."), info.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("  A = 1  # why", {"A": "1"}),
        ("#A=1\n\n; nothing\nB=x=y#z", {"B": "x=y#z"}),
        ("\ufeffA=1", {"\ufeffA": "1"}),
    ],
)
def test_property_lines(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text) == expected


def test_a_choice_is_one_of_those_that_there_are(tmp_path: Path) -> None:
    assert load_settings({"OTHER_FILES": "Send"}, tmp_path / "none").OTHER_FILES == "send"
    with pytest.raises(SettingsError, match="OTHER_FILES must be ask or send or leave, not 'no'"):
        load_settings({"OTHER_FILES": "no"}, tmp_path / "none")


def test_lists_numbers_and_paths(tmp_path: Path) -> None:
    environ = {"AUTHORIZED_USERS": "@ann, 42 ,", "API_ID": "7", "DATA_DIR": str(tmp_path)}
    settings = load_settings(environ, tmp_path / "none")
    assert settings.AUTHORIZED_USERS == ("@ann", "42")
    assert settings.API_ID == 7
    assert str(tmp_path / "recovery") == settings.RECOVERY_DIR
    assert load_settings({"DATA_DIR": "elsewhere"}, tmp_path / "none").path("DATA_DIR") == ROOT / "elsewhere"


@pytest.mark.parametrize(("name", "value"), [("API_ID", "abc"), ("LOG_TIMES", "maybe"), ("VIDEO_CRF", "1.5")])
def test_a_value_of_the_wrong_type_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value}, tmp_path / "none")


def test_no_secret_is_shown_by_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({"API_ID": "1234567:token-in-the-wrong-place"}, tmp_path / "none")
    assert "token" not in error.value.told


def test_constants_follow_the_environment_when_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERSION_MAX_RETRIES", "9")
    assert constants.CONVERSION_MAX_RETRIES == 9
    monkeypatch.setenv("CONVERSION_MAX_RETRIES", "2")
    assert constants.CONVERSION_MAX_RETRIES == 2
    with pytest.raises(AttributeError):
        _ = constants.NO_SUCH_SETTING


def test_an_empty_value_is_none_and_the_next_place_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "secrets.properties"
    file.write_text("VIDEO_CRF=19\nVIDEO_PRESET=\nLOG_TIMES=  \n")
    settings = load_settings({"VIDEO_CRF": "  ", "VIDEO_PRESET": ""}, file)
    assert (settings.VIDEO_CRF, settings.VIDEO_PRESET, settings.LOG_TIMES) == (19, "veryfast", False)
    assert settings.sources["VIDEO_CRF"] == "secrets.properties"
    assert settings.sources["VIDEO_PRESET"] == settings.sources["LOG_TIMES"] == "default"


def test_spaces_around_a_value_are_no_part_of_it(tmp_path: Path) -> None:
    assert load_settings({"BOT_TOKEN": " 1:a "}, tmp_path / "none").BOT_TOKEN == "1:a"


def test_a_file_that_windows_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "secrets.properties"
    file.write_bytes("\ufeffAPI_ID=7\r\nAPI_HASH=a\r\n".encode())
    settings = load_settings({}, file)
    assert (settings.API_ID, settings.API_HASH) == (7, "a")


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("API_ID=7\n")
    settings = load_settings({"SECRETS_FILE": str(file)})
    assert (settings.API_ID, settings.sources["API_ID"]) == (7, "mine")


def test_who_takes_the_error_gets_the_other_settings(tmp_path: Path) -> None:
    errors: list[SettingsError] = []
    own = {"VIDEO_CRF": "high", "API_ID": "x", "VIDEO_PRESET": "slow"}
    settings = load_settings(own, tmp_path / "none", on_error=errors.append)
    assert [error.told.split()[0] for error in errors] == ["API_ID", "VIDEO_CRF"]
    assert (settings.VIDEO_CRF, settings.API_ID, settings.VIDEO_PRESET) == (22, 0, "slow")
