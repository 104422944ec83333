"""What the owner sees: a page, figures, and a word when something is wrong.

It looks on. ``watch.py`` listens to the log, ``sight.py`` is what there is at a moment, ``metrics.py``,
``page.py`` and ``health.py`` show it, and ``server.py`` serves that. What the owner does from there
(pause, go on, cancel) are calls that the bot hands in.
"""
