"""``python -m benchmarks chaos``: combinations of faults from a seed, and what the chat has then."""

from __future__ import annotations


def main(arguments: list[str]) -> int:
    """The benchmark as a program."""
    from benchmarks.chaos.program import main as program

    return program(arguments)
