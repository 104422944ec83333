"""Every setting, once: its name, its default, what it means.

The example file, the tables in docs/settings.md and the diagnostics are made from this file, and nothing else
in the program reads the environment or a settings file. A value is looked for in the environment, then in
``secrets.properties`` (``SECRETS_FILE`` names another one), then here. ``from utils.constants import NAME``
works without any settings file; the program passes a :class:`Settings` around, so that a test has its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

from utils.errors import SettingsError
from utils.properties import parse_properties, value_of

#: The folder that holds the program; relative paths in the settings start here.
ROOT = Path(__file__).resolve().parent.parent

EXAMPLE_NAME = "secrets.properties.example"
SECRETS_NAME = "secrets.properties"


def setting(default: Any, meaning: str, *, group: str, secret: bool = False, required: bool = False) -> Any:
    """A field of :class:`Settings`. A text default may hold ``{DATA_DIR}``."""
    return field(
        default=default,
        metadata={"meaning": meaning, "group": group, "secret": secret, "required": required},
    )


@dataclass(frozen=True)
class Settings:
    """All settings of one running bot. Units are in the meanings; paths are absolute once loaded."""

    # -- Telegram ---------------------------------------------------------------------------------
    API_ID: int = setting(
        0,
        "Number of your application, from https://my.telegram.org > API development tools.",
        group="Telegram",
        required=True,
    )
    API_HASH: str = setting(
        "", "Hash of your application, from the same page.", group="Telegram", secret=True, required=True
    )
    BOT_TOKEN: str = setting(
        "",
        "Token from @BotFather. Empty: log in as a person (phone, code and password are asked for).",
        group="Telegram",
        secret=True,
    )
    AUTHORIZED_USERS: tuple[str, ...] = setting(
        (),
        "Who may use the bot: ids, or @usernames (each then stands for the account that has it when it first "
        "writes), with commas between. Nobody else is served.",
        group="Telegram",
        required=True,
    )
    STRANGERS: Literal["ignore", "answer"] = setting(
        "ignore",
        "Who may not use the bot is ignored, or gets one sentence a day with the id that they need.",
        group="Telegram",
    )
    GROUP_MODE: Literal["mention", "all"] = setting(
        "mention",
        "In groups it deals with what names it or replies to it, or with `all` that those it serves send.",
        group="Telegram",
    )
    TARGET_CHAT: str = setting(
        "",
        "Send the results to this chat (id or @username) instead of the one the archive came from.",
        group="Telegram",
    )
    LANGUAGE: Literal["en", "es", "ru", "id", "pt-br", "fa"] = setting(
        "en",
        "Language for people whose own one is not known, or not spoken here: en, es, ru, id, pt-br or fa.",
        group="Telegram",
    )
    TELEGRAM_SERVER: str = setting(
        "", "host:port of a server of your own. Empty: Telegram.", group="Telegram"
    )
    TELEGRAM_SERVER_KEY: str = setting("", "File with that server's public RSA key (PEM).", group="Telegram")
    TELEGRAM_SERVER_DC: int = setting(1, "Number of that server's data centre.", group="Telegram")
    PROXY: str = setting(
        "",
        "Proxy to Telegram: socks5://user:password@host:port, http://…, tg://proxy?… or https://t.me/proxy?….",
        group="Telegram",
        secret=True,
    )
    TRANSFER_CONNECTIONS: int = setting(4, "Connections for files at most, a data centre.", group="Telegram")
    UPLOAD_LIMIT_MB: int = setting(
        2000,
        "Files above this size, in MiB, are sent in parts. Telegram takes 2000 at most.",
        group="Telegram",
    )

    # -- Owner ------------------------------------------------------------------------------------
    OWNER: int = setting(
        0,
        "Id of who is told when something is wrong: it was killed, the disk fills up … 0: nobody.",
        group="Owner",
    )
    STATUS_PORT: int = setting(
        0, "Port of a page that shows what the bot does, /metrics and /healthz. 0: none.", group="Owner"
    )
    STATUS_HOST: str = setting("127.0.0.1", "Address that the page is at.", group="Owner")
    STATUS_TOKEN: str = setting(
        "",
        "What has to be known to see the page; needed where STATUS_HOST is open to others.",
        group="Owner",
        secret=True,
    )

    # -- Folders ----------------------------------------------------------------------------------
    DATA_DIR: str = setting("data", "Folder for everything the bot keeps.", group="Folders")
    CONVERSION_STATE_FILE: str = setting(
        "{DATA_DIR}/conversion_state.json", "Where conversions are checkpointed.", group="Folders"
    )
    RECOVERY_DIR: str = setting(
        "{DATA_DIR}/recovery", "Finished segments of conversions under way.", group="Folders"
    )
    QUARANTINE_DIR: str = setting(
        "{DATA_DIR}/quarantine", "What failed for good, each with the reason beside it.", group="Folders"
    )
    QUARANTINE_DAYS: int = setting(
        30,
        "Days after which what is in quarantine is deleted; after one what was sent as a file. 0: never.",
        group="Folders",
    )
    LOG_FILE: str = setting("bot.log", "The log.", group="Folders")
    LOG_TIMES: bool = setting(False, "Begin each line of the log with the time.", group="Folders")

    # -- What is sent -----------------------------------------------------------------------------
    # Each chat may choose otherwise: utils/jobs/wishes.py.
    SEND: Literal["all", "photos", "videos"] = setting(
        "all",
        "Pictures and videos are sent (`all`), or only the `photos`, or the `videos`.",
        group="What is sent",
    )
    OTHER_FILES: Literal["ask", "send", "leave"] = setting(
        "ask",
        "What becomes of files that are neither pictures nor videos: `send` them as well (music as music), "
        "`leave` them out, or `ask`: they are left out, and the summary has a button that sends them.",
        group="What is sent",
    )
    AS_FILES: bool = setting(
        False,
        "Send everything untouched, as files in albums: no photos, no videos, nothing converted.",
        group="What is sent",
    )
    ALBUMS: Literal["mixed", "apart"] = setting(
        "mixed", "Pictures and videos of a folder share albums, or never do (`apart`).", group="What is sent"
    )
    ORDER: Literal["name", "date"] = setting(
        "name", "A folder's files come by name, or by the `date` when they were taken.", group="What is sent"
    )
    CAPTIONS: Literal["quiet", "names"] = setting(
        "quiet", "Captions name files that somebody named (`quiet`), or all: `names`.", group="What is sent"
    )
    CONVERT: Literal["yes", "no", "both"] = setting(
        "yes",
        "Videos that Telegram would not play are converted. `no`: they come as the files that they are; "
        "`both`: as files at once, and converted later.",
        group="What is sent",
    )
    ASK_FIRST: Literal["never", "20", "100", "500", "always"] = setting(
        "never",
        "Show what is in an archive, and ask what of it is wanted: never, above so many files, or always.",
        group="What is sent",
    )
    SILENT: bool = setting(False, "Messages come without a sound.", group="What is sent")

    # -- Conversion -------------------------------------------------------------------------------
    DEFERRED_VIDEO_CONVERSION: bool = setting(
        True,
        "Convert videos after all normal uploads. False: in line, before the archive's next upload.",
        group="Conversion",
    )
    CONVERSION_MAX_RETRIES: int = setting(
        3,
        "How often a conversion is tried that time, memory or a kill keeps from its end.",
        group="Conversion",
    )
    CONVERSION_STATE_SAVE_INTERVAL: int = setting(
        10, "Seconds between checkpoints of a running conversion, at most.", group="Conversion"
    )
    CONVERSION_TIMEOUT_SECONDS: int = setting(
        1800,
        "Seconds that one step of a conversion (one segment, the sound, the join) may take.",
        group="Conversion",
    )
    COMPRESSION_TIMEOUT_SECONDS: int = setting(
        1800, "Seconds that unpacking or correcting one file may take.", group="Conversion"
    )
    CONVERSION_SEGMENT_SECONDS: int = setting(
        30, "Seconds of a video that are encoded between two points to go on from.", group="Conversion"
    )
    VIDEO_ENCODER: str = setting(
        "libx264",
        "H.264 encoder: libx264, or a hardware one such as h264_v4l2m2m or h264_vaapi.",
        group="Conversion",
    )
    VIDEO_CRF: int = setting(22, "Quality for libx264, 0 to 51; lower is better.", group="Conversion")
    VIDEO_PRESET: str = setting(
        "veryfast", "Speed for libx264, from ultrafast to veryslow.", group="Conversion"
    )
    VIDEO_MAX_HEIGHT: int = setting(
        1080, "Converted videos are no higher than this; upright ones no wider.", group="Conversion"
    )
    CONVERSION_THREADS: int = setting(2, "Threads of one conversion.", group="Conversion")
    CLUSTER: str = setting(
        "",
        "host:port at which other machines join to convert, too, with the line that the bot prints: see "
        "docs/cluster.md. The next port is used as well. Empty: none.",
        group="Conversion",
    )
    CLUSTER_LOCAL: bool = setting(True, "Convert on this machine, too, while others do.", group="Conversion")

    # -- Pictures ---------------------------------------------------------------------------------
    PICTURE_MEMORY_MB: int = setting(
        512,
        "Memory in MB that decoding pictures may take. One that needs more is sent as a file.",
        group="Pictures",
    )

    # -- Archives ---------------------------------------------------------------------------------
    ARCHIVE_PASSWORDS: tuple[str, ...] = setting(
        (), "Passwords to try on encrypted archives, with commas between.", group="Archives", secret=True
    )
    ARCHIVE_MAX_DEPTH: int = setting(3, "How deep archives inside archives are opened.", group="Archives")
    ARCHIVE_MAX_ENTRIES: int = setting(50_000, "Entries in one archive at most.", group="Archives")
    ARCHIVE_MAX_TOTAL_MB: int = setting(
        100_000, "Unpacked size of the wanted entries of one archive at most, in MB.", group="Archives"
    )
    ARCHIVE_MAX_RATIO: int = setting(
        250, "How many times larger than the archive its content may be (from 100 MB on).", group="Archives"
    )
    ARCHIVE_MAX_FILE_MB: int = setting(20_000, "Unpacked size of one entry at most, in MB.", group="Archives")
    SPOOL_LIMIT_MB: int = setting(
        64,
        "Unpacked files waiting to be sent, for each archive, in MB (one file may be larger).",
        group="Archives",
    )
    DISK_RESERVE_MB: int = setting(500, "Free disk that is never used, in MB.", group="Archives")
    PASSWORD_ATTEMPTS: int = setting(
        3, "How often the password of one archive is asked for.", group="Archives"
    )
    VOLUME_WAIT_MINUTES: int = setting(
        60, "How long a split archive waits for its missing volumes.", group="Archives"
    )

    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def path(self, name: str) -> Path:
        """The setting ``name`` as an absolute path."""
        return Path(getattr(self, name))


@dataclass(frozen=True)
class SettingInfo:
    """What is known about one setting without a value."""

    name: str
    default: Any
    meaning: str
    group: str
    secret: bool
    required: bool


SETTINGS: tuple[SettingInfo, ...] = tuple(
    SettingInfo(name=f.name, default=f.default, **f.metadata) for f in fields(Settings) if f.metadata
)

_TYPES = get_type_hints(Settings)
_PATHS = (
    *("DATA_DIR", "CONVERSION_STATE_FILE", "RECOVERY_DIR", "QUARANTINE_DIR", "LOG_FILE"),
    "TELEGRAM_SERVER_KEY",
)


def settings_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the settings are read from; it need not be there."""
    return Path(environ.get("SECRETS_FILE") or ROOT / SECRETS_NAME)


def load_settings(
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
    *,
    on_error: Callable[[SettingsError], None] | None = None,
) -> Settings:
    """Read the settings: environment over file over default.

    ``file`` defaults to :func:`settings_file`; one that is not there is no error. Raises
    :class:`SettingsError` for a value that is not of its setting's type; where ``on_error`` takes the
    error, the next place is asked instead.
    """
    environ = os.environ if environ is None else environ
    file = file or settings_file(environ)
    try:
        written = parse_properties(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        written = {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for info in SETTINGS:
        name = info.name
        for text, source in ((environ.get(name), "environment"), (written.get(name), file.name)):
            if text is not None and text.strip():
                try:
                    values[name], sources[name] = value_of(name, _TYPES[name], text.strip(), source), source
                    break
                except SettingsError as error:
                    if on_error is None:
                        raise
                    on_error(error)
        else:
            values[name], sources[name] = info.default, "default"
    for name in _PATHS:
        if values[name]:
            values[name] = str(ROOT / values[name].replace("{DATA_DIR}", str(values["DATA_DIR"])))
    return Settings(**values, sources=sources)


def missing_settings(settings: Settings) -> list[SettingInfo]:
    """The required settings that have no value."""
    return [info for info in SETTINGS if info.required and not getattr(settings, info.name)]


#: What a foreign program needs to know of the system: where libraries and drivers are, and little else.
_PASSED_ON = ("LD_LIBRARY_PATH", "LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "ANDROID_ROOT", "ANDROID_DATA")


def passed_on(names: Iterable[str] = _PASSED_ON) -> dict[str, str]:
    """The variables of the bot's environment that foreign programs see as well; no setting is among them."""
    return {name: os.environ[name] for name in names if name in os.environ}


def __getattr__(name: str) -> Any:
    """``from utils.constants import NAME``: the value as environment and file have it now."""
    if name in _TYPES and name.isupper():
        return getattr(load_settings(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
