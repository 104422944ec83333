"""Sentences for people, in the language of whoever reads them: English in the code, others in ``locales/``.

``tr`` and ``tr_n`` say something now, in the language of :func:`speaking`. A reason that travels first,
through rooms, errors and the log, is a :class:`Text`, which is English until :func:`said` says it.
docs/development.md tells how a sentence, or a language, is added.
"""

from utils.texts.dates import date_words
from utils.texts.languages import LANGUAGES, Language, choose, current, speaking
from utils.texts.sentences import END, ISOLATE, Said, Text, figure, found_in, listed, said, text_n, tr, tr_n

__all__ = [
    "END",
    "ISOLATE",
    "LANGUAGES",
    "Language",
    "Said",
    "Text",
    "choose",
    "current",
    "date_words",
    "figure",
    "found_in",
    "listed",
    "said",
    "speaking",
    "text_n",
    "tr",
    "tr_n",
]
