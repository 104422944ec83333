"""Archives: opened by content, read in place or as a stream where possible, safe by construction."""

from utils.archives.entry import (
    HEAD,
    Accept,
    ArchiveReader,
    Entry,
    Extracted,
    KeepsFetched,
    NewFile,
    Order,
    Previews,
)
from utils.archives.limits import Limits
from utils.archives.opening import looks_like_archive, open_archive
from utils.archives.source import ByteSource, FileSource
from utils.archives.volumes import Volume, volume_of

__all__ = [
    "HEAD",
    "Accept",
    "ArchiveReader",
    "ByteSource",
    "Entry",
    "Extracted",
    "FileSource",
    "KeepsFetched",
    "Limits",
    "NewFile",
    "Order",
    "Previews",
    "Volume",
    "looks_like_archive",
    "open_archive",
    "volume_of",
]
