"""Agreeing on a key: with Telethon's own exchange elsewhere, here with what it does not do."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from hashlib import sha1, sha256
from pathlib import Path

import cryptg
import pytest
import rsa
from telethon.crypto import rsa as telethon_rsa
from telethon.crypto.rsa import get_byte_array
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.tl import TLObject, functions, types

from sandbox.mtproto.auth_keys import Salts
from sandbox.mtproto.handshake import Agreed, Handshake, HandshakeError
from sandbox.mtproto.keys import ServerKey
from sandbox.mtproto.primes import DH_PRIME, is_prime, random_prime

NONCE, NEW_NONCE = 12345, -67890


@pytest.fixture
def key(server_key: Path) -> ServerKey:
    return ServerKey(server_key)


@pytest.fixture
def handshake(key: ServerKey) -> Handshake:
    telethon_rsa.add_key(key.public_file.read_bytes(), old=False)
    return Handshake(key, 1, time.time)


def inner_data(handshake: Handshake, **changes: object) -> tuple[TLObject, dict[str, object]]:
    """What the client says first, and with which values it goes on."""
    begun = handshake.answer(functions.ReqPqMultiRequest(NONCE))
    assert isinstance(begun, types.ResPQ)
    p, q = handshake._pq
    values: dict[str, object] = {"pq": begun.pq, "p": get_byte_array(p), "q": get_byte_array(q)}
    values |= {"nonce": NONCE, "server_nonce": begun.server_nonce, "new_nonce": NEW_NONCE}
    values |= changes
    kind = types.PQInnerDataDc if "dc" in values else types.PQInnerData
    return kind(**values), values


def offer(handshake: Handshake, key: ServerKey, encrypted: bytes, values: dict[str, object]) -> TLObject:
    return handshake.answer(
        functions.ReqDHParamsRequest(
            NONCE, handshake._server_nonce, values["p"], values["q"], key.fingerprint, encrypted
        )
    )


def old_way(key: ServerKey, inner: TLObject) -> bytes:
    encrypted: bytes = telethon_rsa.encrypt(key.fingerprint, bytes(inner))
    return encrypted


def rsa_pad(key: ServerKey, inner: TLObject, spoil: int = 0) -> bytes:
    """As Telegram's documentation asks of new clients."""
    public = rsa.PublicKey.load_pkcs1(key.public_file.read_bytes())
    data = bytes(inner)
    padded = data + secrets.token_bytes(192 - len(data))
    while True:
        temporary = secrets.token_bytes(32)
        check = sha256(temporary + padded).digest()
        hashed = padded[::-1] + bytes((check[0] ^ spoil,)) + check[1:]
        encrypted = cryptg.encrypt_ige(hashed, temporary, bytes(32))
        mask = bytes(a ^ b for a, b in zip(temporary, sha256(encrypted).digest(), strict=True))
        if (number := int.from_bytes(mask + encrypted, "big")) < public.n:
            return pow(number, public.e, public.n).to_bytes(256, "big")


def reply(
    handshake: Handshake, offered: TLObject, g_b: int | None = None, spoil: int = 0
) -> TLObject | Agreed:
    """The client's half; another one when the server asks for it, as one in 256 times it does."""
    while isinstance(answer := _reply(handshake, offered, g_b, spoil), types.DhGenRetry) and g_b is None:
        pass
    return answer


def _reply(handshake: Handshake, offered: TLObject, g_b: int | None, spoil: int) -> TLObject | Agreed:
    aes = generate_key_data_from_nonce(handshake._server_nonce, NEW_NONCE)
    plain = cryptg.decrypt_ige(offered.encrypted_answer, *aes)
    inner = BinaryReader(plain[20:]).tgread_object()
    assert sha1(bytes(inner)).digest() == plain[:20]
    b = secrets.randbits(2000)
    number = pow(inner.g, b, int.from_bytes(inner.dh_prime, "big")) if g_b is None else g_b
    data = bytes(types.ClientDHInnerData(NONCE, handshake._server_nonce, 0, get_byte_array(number)))
    hashed = sha1(data).digest() + data
    hashed += bytes(-len(hashed) % 16)
    encrypted = bytearray(cryptg.encrypt_ige(hashed, *aes))
    encrypted[20] ^= spoil
    answer = handshake.answer(
        functions.SetClientDHParamsRequest(NONCE, handshake._server_nonce, bytes(encrypted))
    )
    if isinstance(answer, Agreed):
        g_a = int.from_bytes(inner.g_a, "big")
        assert int.from_bytes(answer.key.secret, "big") == pow(g_a, b, DH_PRIME)
    return answer


def test_the_new_way_is_known_also_when_it_looks_like_the_old_one(
    handshake: Handshake, key: ServerKey
) -> None:
    inner, values = inner_data(handshake)
    encrypted = rsa_pad(key, inner)
    while key.decrypt(encrypted)[0]:
        encrypted = rsa_pad(key, inner)
    assert isinstance(reply(handshake, offer(handshake, key, encrypted, values)), Agreed)


@pytest.mark.parametrize("encrypt", [old_way, rsa_pad])
@pytest.mark.parametrize("changes", [{}, {"dc": 1}, {"dc": -1}, {"dc": 10001}])
def test_both_ways_of_encryption_and_both_kinds_of_data_lead_to_a_key(
    handshake: Handshake,
    key: ServerKey,
    encrypt: Callable[[ServerKey, TLObject], bytes],
    changes: dict[str, object],
) -> None:
    inner, values = inner_data(handshake, **changes)
    agreed = reply(handshake, offer(handshake, key, encrypt(key, inner), values))
    assert isinstance(agreed, Agreed) and isinstance(agreed.answer, types.DhGenOk)


@pytest.mark.parametrize("changes", [{"dc": 2}, {"p": b"\3"}, {"nonce": 1}, {"server_nonce": 1}])
def test_a_client_that_says_something_else_is_refused(
    handshake: Handshake, key: ServerKey, changes: dict[str, object]
) -> None:
    inner, values = inner_data(handshake, **changes)
    with pytest.raises(HandshakeError):
        offer(handshake, key, old_way(key, inner), values)


def test_what_was_not_encrypted_for_this_key_is_refused(handshake: Handshake, key: ServerKey) -> None:
    inner, values = inner_data(handshake)
    for encrypted in (bytes(256), b"\xff" * 256, secrets.token_bytes(255), b"\1" + secrets.token_bytes(255)):
        with pytest.raises(HandshakeError):
            offer(handshake, key, encrypted, values)
    spoilt = bytearray(old_way(key, inner))
    spoilt[100] ^= 1
    for encrypted in (bytes(spoilt), rsa_pad(key, inner, spoil=1)):
        with pytest.raises(HandshakeError):
            offer(handshake, key, encrypted, values)


@pytest.mark.parametrize("g_b", [1, DH_PRIME - 1, 1 << 1900])
def test_a_weak_half_of_a_key_fails(handshake: Handshake, key: ServerKey, g_b: int) -> None:
    inner, values = inner_data(handshake)
    failed = reply(handshake, offer(handshake, key, old_way(key, inner), values), g_b)
    assert isinstance(failed, types.DhGenFail)


def test_a_key_that_begins_with_a_zero_is_agreed_on_again(handshake: Handshake, key: ServerKey) -> None:
    inner, values = inner_data(handshake)
    offered = offer(handshake, key, old_way(key, inner), values)
    g_a, b = pow(3, handshake._exponent, DH_PRIME), 1500
    while pow(g_a, b, DH_PRIME) >> 2040:
        b += 1
    assert isinstance(reply(handshake, offered, pow(3, b, DH_PRIME)), types.DhGenRetry)
    assert isinstance(reply(handshake, offered), Agreed)


def test_a_spoilt_reply_and_steps_out_of_order_are_refused(handshake: Handshake, key: ServerKey) -> None:
    inner, values = inner_data(handshake)
    with pytest.raises(HandshakeError):
        handshake.answer(functions.SetClientDHParamsRequest(NONCE, handshake._server_nonce, bytes(64)))
    offered = offer(handshake, key, old_way(key, inner), values)
    with pytest.raises(HandshakeError):
        reply(handshake, offered, spoil=1)
    assert isinstance(reply(handshake, offered), Agreed)
    with pytest.raises(HandshakeError):
        handshake.read(b"\1\2\3\4")


def test_the_first_salt_is_the_one_that_the_exchange_agreed_on(handshake: Handshake, key: ServerKey) -> None:
    inner, values = inner_data(handshake)
    agreed = reply(handshake, offer(handshake, key, old_way(key, inner), values))
    new, server = NEW_NONCE.to_bytes(32, "little", signed=True), handshake._server_nonce
    expected = bytes(a ^ b for a, b in zip(new[:8], server.to_bytes(16, "little", signed=True), strict=False))
    salt = int.from_bytes(expected, "little", signed=True)
    salts, now = Salts(), time.time()
    assert salts.accepts(agreed.key, salt, now)
    assert not salts.accepts(agreed.key, salt, now + 7200)
    assert not salts.accepts(agreed.key, salt + 1, now)


def test_a_salt_lives_for_an_hour_and_renewing_ends_all(handshake: Handshake, key: ServerKey) -> None:
    inner, values = inner_data(handshake)
    agreed = reply(handshake, offer(handshake, key, old_way(key, inner), values))
    salts, now = Salts(), 1_800_000_000.0
    salt = salts.current(agreed.key, now)
    assert salts.accepts(agreed.key, salt, now + 3599) and not salts.accepts(agreed.key, salt, now + 3600)
    salts.renew()
    assert not salts.accepts(agreed.key, salt, now)


def test_the_servers_key_is_made_once_and_fits_its_public_half(tmp_path: Path) -> None:
    first, second = ServerKey(tmp_path), ServerKey(tmp_path)
    assert first.fingerprint == second.fingerprint
    public = rsa.PublicKey.load_pkcs1(first.public_file.read_bytes())
    assert public.n.bit_length() == 2048
    assert telethon_rsa._compute_fingerprint(public) == first.fingerprint
    number = secrets.randbits(2040)
    assert (
        int.from_bytes(first.decrypt(pow(number, public.e, public.n).to_bytes(256, "big")), "big") == number
    )
    assert (tmp_path / "server-key.pem").stat().st_mode & 0o077 == 0


def test_primes_are_prime_and_of_the_asked_length() -> None:
    assert [number for number in range(60) if is_prime(number)][-4:] == [43, 47, 53, 59]
    assert not is_prime(561) and not is_prime(3215031751)  # pseudoprimes
    for bits in (22, 64, 512):
        prime = random_prime(bits)
        assert prime.bit_length() == bits and is_prime(prime, 30)
