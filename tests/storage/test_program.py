"""Which program was at work on the data before is known, so that an upgrade can be told."""

from __future__ import annotations

from pathlib import Path

from utils.storage.version import carry_over, program_in


def test_another_program_is_noticed_once(tmp_path: Path) -> None:
    programs = ("1.0 (aaa)", "1.0 (aaa)", "1.1 (bbb)", "1.1 (bbb)", "1.0 (aaa)")
    assert [carry_over(tmp_path, program) for program in programs] == ["", "", "1.0 (aaa)", "", "1.1 (bbb)"]
    for damaged in ("", "[]", '{"version": 1, "program": 5}'):
        (tmp_path / "version.json").write_text(damaged)
        carry_over(tmp_path, "1.2")
        assert carry_over(tmp_path, "1.2") == ""


def test_the_commit_is_read_where_git_has_it(tmp_path: Path) -> None:
    assert program_in(tmp_path, "1.0") == "1.0"
    git, commit = tmp_path / ".git", "0123456789abcdef"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{commit}\n")
    assert program_in(tmp_path, "1.0") == "1.0 (0123456)"
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert program_in(tmp_path, "1.0") == "1.0"
    (git / "packed-refs").write_text(f"# pack-refs\n{commit[::-1]} refs/heads/main\n")
    assert program_in(tmp_path, "1.0") == "1.0 (fedcba9)"
    (git / "refs/heads/main").write_text(f"{commit}\n")
    assert program_in(tmp_path, "1.0") == "1.0 (0123456)"
