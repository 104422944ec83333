"""Conversions on other machines: what the bot, the farm and the workers do for it.

    the bot (farm.py) ──pipe── the farm (farm_process.py) ══TLS, Dask══ a worker (worker.py)
                                └─────── HTTPS (door.py): join, ranges of the source, the result ──┘

The bot keeps the plan, the state and the verdict; it never loads Dask. The farm is a process of its own, with
Dask's scheduler and client (scheduling.py) and what it hands out (foreman.py); it has no log-in and no
setting, and can open what it serves and nothing else. A worker is started by hand on another machine; one
segment there is workplace.py. What goes through the pipe and to the workers is in pieces.py, who may join is
decided in authority.py, by tokens.py.
"""
