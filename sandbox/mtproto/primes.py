"""Prime numbers: for the server's RSA key, and the group in which keys are agreed on."""

from __future__ import annotations

import secrets
from typing import Final

#: Telegram's own 2048-bit safe prime, for which 3 generates the subgroup of prime order; clients know it by
#: heart and do not test it again. https://core.telegram.org/mtproto/auth_key#dh-key-exchange-complete
DH_PRIME: Final = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f"
    "48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37"
    "20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4"
    "a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754"
    "fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f"
    "0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
DH_GENERATOR: Final = 3

_SIEVE_LIMIT: Final = 20_000
_ROUNDS: Final = 8


def _small_primes(limit: int) -> list[int]:
    sieve = bytearray([1]) * limit
    sieve[0:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(limit) if sieve[number]]


def is_prime(number: int, rounds: int = _ROUNDS) -> bool:
    """Miller and Rabin, with random bases; wrong with a chance of 4**-rounds at the most."""
    if number < 4:
        return number in (2, 3)
    if number % 2 == 0:
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, secrets.randbelow(number - 3) + 2, odd, twos) for _ in range(rounds))


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def random_prime(bits: int) -> int:
    """A prime of exactly `bits` bits, the two highest set, so that a product of two has 2 * bits.

    A window behind a random start is sieved first; what is left is tested. For 1024 bits that takes a
    fifth of a second, where testing random numbers one by one takes seconds.
    """
    primes = [prime for prime in _small_primes(_SIEVE_LIMIT) if prime.bit_length() < bits]
    while True:
        start = secrets.randbits(bits) | 1 | (3 << (bits - 2))
        window = bytearray(min(1 << (bits - 3), 8192))  # index i stands for start + 2 * i
        for prime in primes[1:]:
            first = (-start * ((prime + 1) // 2)) % prime  # start + 2 * first is divisible by prime
            window[first::prime] = b"\1" * len(range(first, len(window), prime))
        candidates = (start + 2 * index for index, composite in enumerate(window) if not composite)
        for candidate in candidates:
            if (
                candidate.bit_length() == bits
                and pow(2, candidate - 1, candidate) == 1
                and is_prime(candidate)
            ):
                return candidate
