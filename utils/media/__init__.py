"""Pictures and videos: what they are, what has to be done with them, and doing it."""

from utils.media.checkpoint import Checkpoint, Recipe, Segment
from utils.media.choice import Choice
from utils.media.convert import Converter
from utils.media.elsewhere import Farm, Lost, Offer, Piece
from utils.media.first_look import FirstLook
from utils.media.inspection import Inspection, Verdict, inspect
from utils.media.kinds import Kind, kind_by_name, kind_of
from utils.media.media_tools import MediaTools
from utils.media.moments import clock, on_the_wall, xmp_date
from utils.media.music import Music
from utils.media.photos import PreparedPhoto, prepare_photo
from utils.media.plan import MAX_TRACKS, Action, ConversionPlan
from utils.media.settings import EncodeSettings
from utils.media.sharing import Bell
from utils.media.thumbnails import Stills, make_thumbnail
from utils.media.tools import OnProgress, Progress, Tools

__all__ = [
    "MAX_TRACKS",
    "Action",
    "Bell",
    "Checkpoint",
    "Choice",
    "ConversionPlan",
    "Converter",
    "EncodeSettings",
    "Farm",
    "FirstLook",
    "Inspection",
    "Kind",
    "Lost",
    "MediaTools",
    "Music",
    "Offer",
    "OnProgress",
    "Piece",
    "PreparedPhoto",
    "Progress",
    "Recipe",
    "Segment",
    "Stills",
    "Tools",
    "Verdict",
    "clock",
    "inspect",
    "kind_by_name",
    "kind_of",
    "make_thumbnail",
    "on_the_wall",
    "prepare_photo",
    "xmp_date",
]
