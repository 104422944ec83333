"""Pictures of strangers, decoded in processes of their own: no byte of one is decoded in the bot's.

What runs in the child, which imports nothing of ours but these: ``child.py`` takes one request after another
and hands back an answer. ``opening.py`` finds the one decoder that a file is for, by ``formats.py``, and what
it will cost; ``headers.py``, ``tiff.py``, ``metadata.py`` and ``raw.py`` read of a file what its decoder does
not tell, and ``bare.py`` leaves out what it trips over. ``photos.py`` makes a photo, with ``pixels.py`` and
``hdr.py``; ``animations.py`` looks at pictures that move; ``limits.py`` says what Telegram and the memory
allow.

What runs in the bot: ``pool.py`` decides which child gets a picture and for how long; ``worker.py`` is one
such child; ``protocol.py``, which both sides read, is what is said between them.
"""
