"""Settings: one table, from which the example file is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils import constants
from utils.constants import (
    EXAMPLE_NAME,
    ROOT,
    SETTINGS,
    example_text,
    load_settings,
    missing_settings,
    parse_properties,
)
from utils.errors import SettingsError


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
