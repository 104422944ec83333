"""``./bot install``, ``./bot uninstall`` and ``./bot restart``: what a service manager is told of the bot.

The texts are made here and written here. The commands that make them count are printed, a line each, and run
by ``./bot``; with ``--print`` everything is shown and nothing is changed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from utils.constants import ROOT, SECRETS_NAME, Settings, load_settings, passed_on
from utils.errors import BotError, SettingsError, Unreachable
from utils.processes.guard import guard_this_process
from utils.storage.atomic import make_folder
from utils.storage.lock import InstanceLock
from utils.terminal.main import OK, TRY_LATER, USAGE, require_settings

NAME = "archive-bot"
#: The user that a service of the system gets where the program is root's.
ACCOUNT = NAME
#: What says whose service, and of which system, it is to be.
_ASKED = ("HOME", "PREFIX", "TERMUX_VERSION", "XDG_CONFIG_HOME")
_HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))

#: What neither a user's nor the system's service ever does. Children make namespaces of these kinds, shut
#: themselves in with Landlock and filters of their own, and are what a kernel without memory takes.
_ANYBODYS = """NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=user pid net ipc
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=unshare seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallErrorNumber=EPERM
UMask=0077
OOMPolicy=continue
"""
#: What only the system's manager can do for a service.
_SYSTEMS = """ProtectSystem=strict
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
CapabilityBoundingSet=
AmbientCapabilities=
"""


@dataclass(frozen=True)
class Place:
    """Where the service is to run, and as whom."""

    root: Path
    data: Path
    #: Folders elsewhere that the bot writes into.
    more: tuple[Path, ...] = ()
    #: Whether bot.log would lie beside the program, where a service of the system may not write.
    log_in_data: bool = True
    user: str = ""
    #: Whether an encoder in hardware is used, which is a device.
    devices: bool = False


def systemd_unit(place: Place, *, system: bool) -> str:
    """The unit: of the system, or of whoever runs the bot."""
    python, program = place.root / ".venv/bin/python", place.root / "extract-compressed-files.py"
    lines = [
        "[Unit]",
        "Description=Archive bot for Telegram",
        "After=network-online.target",
        "Wants=network-online.target",
        "# It waits by itself for whatever passes.",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={_escaped(python)} {_escaped(program)}",
        f"WorkingDirectory={str(place.root).replace('%', '%%')}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "# 2: somebody has to act. Whatever else it ends with but 0, it is started again.",
        "Restart=on-failure",
        "RestartSec=30",
        "RestartPreventExitStatus=2",
        "TimeoutStopSec=60",
        "KillMode=mixed",
    ]
    if system:
        lines += _of_the_system(place)
    lines += ["", *_ANYBODYS.splitlines()]
    target = "multi-user.target" if system else "default.target"
    return "\n".join([*lines, "", "[Install]", f"WantedBy={target}", ""])


def _of_the_system(place: Place) -> list[str]:
    lines = [f"User={place.user}"]
    if place.log_in_data:
        lines.append(f"Environment={_escaped(f'LOG_FILE={place.data}/bot.log')}")
    writes = " ".join(_escaped(folder) for folder in (place.data, *place.more))
    lines += ["", *_SYSTEMS.splitlines(), "PrivateDevices=no" if place.devices else "PrivateDevices=yes"]
    hidden = any(place.root.is_relative_to(folder) or place.data.is_relative_to(folder) for folder in _HIDDEN)
    if hidden:
        # Of the homes, nothing is there but the program and its data.
        return [
            *lines,
            "ProtectHome=tmpfs",
            f"BindReadOnlyPaths={_escaped(place.root)}",
            f"BindPaths={writes}",
        ]
    return [*lines, "ProtectHome=yes", f"ReadWritePaths={writes}"]


def _escaped(value: object) -> str:
    """A word of a unit file: https://www.freedesktop.org/software/systemd/man/systemd.syntax.html#Quoting."""
    text = str(value).replace("%", "%%")
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"' if plain != text or any(c.isspace() or c in "'$;" for c in text) else text


def termux_run(place: Place) -> str:
    """The script of termux-services, which starts it again whenever it ends; after 2 in an hour."""
    return f"""#!/data/data/com.termux/files/usr/bin/sh
exec 2>&1
cd {quote(str(place.root))} || exit 1
.venv/bin/python extract-compressed-files.py
case $? in
    0) sv down {NAME} ;;
    2) sleep 3600 ;;
    *) sleep 30 ;;
esac
"""


def termux_boot() -> str:
    """What Termux:Boot starts with the phone."""
    return """#!/data/data/com.termux/files/usr/bin/sh
termux-wake-lock
. "$PREFIX/etc/profile.d/start-services.sh"
"""


@dataclass(frozen=True)
class Plan:
    """Files to write (path -> text and mode), and commands to run afterwards, or before they are removed."""

    files: Mapping[Path, tuple[str, int]]
    install: Sequence[str]
    uninstall: Sequence[str]
    restart: str


def make_plan(
    settings: Settings, environ: Mapping[str, str], *, system: bool, uid: int, new: bool = True
) -> Plan:
    """What belongs to the service on this system.

    Raises :class:`SettingsError` where a ``new`` one could not work.
    """
    prefix = environ.get("PREFIX", "")
    termux = bool(environ.get("TERMUX_VERSION") and prefix)
    place = _place(settings, system=system and not termux, new=new)
    if termux:
        service, home = Path(prefix) / "var/service" / NAME, Path(environ["HOME"])
        return Plan(
            {
                service / "run": (termux_run(place), 0o700),
                home / f".termux/boot/{NAME}": (termux_boot(), 0o700),
            },
            ["pkg install -y termux-services", f"sv-enable {NAME}"],
            [f"sv-disable {NAME}"],
            f"sv restart {NAME}",
        )
    if not system:
        config = Path(environ.get("XDG_CONFIG_HOME") or Path(environ["HOME"]) / ".config")
        return Plan(
            {config / f"systemd/user/{NAME}.service": (systemd_unit(place, system=False), 0o644)},
            # Lingering: it starts with the machine, and stays when its user leaves.
            [
                "loginctl enable-linger",
                "systemctl --user daemon-reload",
                f"systemctl --user enable --now {NAME}",
            ],
            [f"systemctl --user disable --now {NAME}"],
            f"systemctl --user restart {NAME}",
        )
    if uid:
        raise SettingsError("A service of the system takes root: sudo ./bot install --system")
    return Plan(
        {Path(f"/etc/systemd/system/{NAME}.service"): (systemd_unit(place, system=True), 0o644)},
        [*_handed_over(place), "systemctl daemon-reload", f"systemctl enable --now {NAME}"],
        [f"systemctl disable --now {NAME}"],
        f"systemctl restart {NAME}",
    )


def _place(settings: Settings, *, system: bool, new: bool = True) -> Place:
    data, log = settings.path("DATA_DIR"), settings.path("LOG_FILE")
    folders = [settings.path("RECOVERY_DIR"), settings.path("QUARANTINE_DIR")]
    log_in_data = system and settings.sources.get("LOG_FILE", "default") == "default"
    if not log_in_data:
        folders.append(log.parent)
    more = tuple(dict.fromkeys(folder for folder in folders if not folder.is_relative_to(data)))
    owner = pwd.getpwuid(ROOT.stat().st_uid).pw_name
    if system and owner == "root":
        owner = ACCOUNT
        if new:
            _refuse_what_is_shut()
    return Place(ROOT, data, more, log_in_data, owner, settings.VIDEO_ENCODER != "libx264")


def _refuse_what_is_shut() -> None:
    """Raise :class:`SettingsError` where the service's own user could not open the program."""
    for folder in (ROOT, *ROOT.parents):
        if not folder.stat().st_mode & 0o001:
            raise SettingsError(f"{folder} is shut for others. Move the program, to /opt for instance.")
    for folder in Path(sys.executable).resolve().parents:
        if not folder.stat().st_mode & 0o001:
            raise SettingsError(f"{folder} is shut for others, and Python is in it. Use the system's Python.")


def _handed_over(place: Place) -> list[str]:
    """Commands that give what the service reads and writes to its user."""
    if place.user != ACCOUNT:
        return []
    home, data = quote(str(place.root)), quote(str(place.data))
    return [
        f"id -u {ACCOUNT} >/dev/null 2>&1 || useradd --system --user-group --no-create-home "
        f"--home-dir {home} --shell /usr/sbin/nologin {ACCOUNT}",
        f"mkdir -p {data} && chown -R {ACCOUNT}: {data}",
        f"chown {ACCOUNT}: {quote(str(place.root / SECRETS_NAME))}",
    ]


def main(arguments: Sequence[str]) -> int:
    """``install``, ``uninstall`` or ``restart``; commands are printed, all else goes to standard error."""
    parser = argparse.ArgumentParser(prog="./bot", description="Have the bot started with the machine.")
    parser.add_argument("verb", choices=("install", "uninstall", "restart"))
    parser.add_argument("--print", action="store_true", dest="shown", help="show it all, change nothing")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--system", action="store_true", help="for the machine; what root gets by default")
    whose.add_argument("--user", action="store_true", help="for you; what others get by default")
    options = parser.parse_args(arguments)
    guard_this_process()
    try:
        settings = load_settings()
        system = options.system or (not options.user and os.geteuid() == 0)
        uid, new = 0 if options.shown else os.geteuid(), options.verb == "install"
        plan = make_plan(settings, passed_on(_ASKED), system=system, uid=uid, new=new)
        if options.shown:
            _show(plan, options.verb)
        elif options.verb == "install":
            require_settings(settings)
            log_in_first(settings)
            _write(plan)
        elif options.verb == "uninstall":
            _remove(plan)
        else:
            _restart(plan)
    except BotError as error:
        print(f"❌ {error.told}", file=sys.stderr)
        return TRY_LATER if isinstance(error, Unreachable) else USAGE
    except OSError as error:
        print(f"❌ {error.filename}: {error.strerror}.", file=sys.stderr)
        return USAGE
    return OK


def log_in_first(settings: Settings) -> None:
    """Log in where nobody is: the service could ask nobody, and a wrong token is said at once.

    Raises :class:`AlreadyRunning` and :class:`LoginFailed`.
    """
    from utils.telegram.client import build_client, login
    from utils.terminal.log_in import ask_in_terminal

    async def log_in() -> None:
        client = build_client(settings, data / "sessions" / "bot.session", updates=False)
        if client.was_logged_in():
            await client.disconnect()
            return
        await login(client, settings, ask_in_terminal())
        await client.disconnect()

    data = settings.path("DATA_DIR")
    os.umask(0o077)
    make_folder(data)
    with InstanceLock(data):
        asyncio.run(log_in())


def _show(plan: Plan, verb: str) -> None:
    install = verb == "install"
    commands = {"install": plan.install, "uninstall": plan.uninstall, "restart": (plan.restart,)}
    for file, (text, mode) in plan.files.items() if verb != "restart" else ():
        print(f"# {file} (mode {mode:o})" if install else f"rm -f {quote(str(file))}")
        if install:
            print(text)
    for command in commands[verb]:
        print(command)


def _write(plan: Plan) -> None:
    for file, (text, mode) in plan.files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        print(f"✅ {file}", file=sys.stderr)
    print("\n".join(plan.install))


def _restart(plan: Plan) -> None:
    if any(file.exists() for file in plan.files):
        print(plan.restart)
    else:
        print("There is no service of yours here. If the bot runs otherwise, restart it.", file=sys.stderr)


def _remove(plan: Plan) -> None:
    for command in plan.uninstall if any(file.exists() for file in plan.files) else ():
        print(command)
    for file in plan.files:
        # After its commands, which still need it.
        print(f"rm -f {quote(str(file))}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
