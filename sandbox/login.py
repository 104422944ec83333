"""Logging in: bots by token, people by phone, code and password; and going to the other data centre."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from telethon.tl import TLRequest, functions, types

from . import password as srp
from .accounts import BOT_DC, PERSON_DC, Account, Accounts, digits
from .rpc import Result, RpcError
from .session import Serve, Session
from .store import Store

CODE_LENGTH = 5


class Login:
    """The auth.* requests and account.getPassword."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts
        self._challenges: dict[int, srp.Challenge] = {}

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        auth = functions.auth
        return {
            auth.ImportBotAuthorizationRequest: self._bot,
            auth.SendCodeRequest: self._send_code,
            auth.ResendCodeRequest: self._resend_code,
            auth.SignInRequest: self._sign_in,
            auth.CheckPasswordRequest: self._check_password,
            auth.LogOutRequest: self._log_out,
            auth.ExportAuthorizationRequest: self._export,
            auth.ImportAuthorizationRequest: self._import,
            functions.account.GetPasswordRequest: self._get_password,
        }

    def code(self, phone: str) -> str:
        """The code that was (or will next be) sent to that phone. Raises KeyError for an unknown phone."""
        if self._accounts.by_phone(phone) is None:
            raise KeyError(phone)
        code, _ = self._code(digits(phone))
        return code

    def _code(self, phone: str) -> tuple[str, str]:
        row = self._store.one("SELECT code, hash FROM codes WHERE phone = ?", phone)
        if row is not None:
            return row["code"], row["hash"]
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_LENGTH))
        fingerprint = secrets.token_hex(9)
        self._store.run("INSERT INTO codes (phone, code, hash) VALUES (?, ?, ?)", phone, code, fingerprint)
        return code, fingerprint

    def _authorization(self, session: Session, account: Account) -> types.auth.Authorization:
        self._accounts.log_in(session.caller.auth_key_id, session.caller.dc_id, account.id)
        return types.auth.Authorization(user=self._accounts.user(account, account))

    # -- bots

    async def _bot(self, session: Session, request: TLRequest) -> Result:
        account = self._accounts.by_token(request.bot_auth_token)
        if account is None:
            raise RpcError(400, "ACCESS_TOKEN_INVALID")
        if session.caller.dc_id != account.dc:
            raise RpcError(303, f"USER_MIGRATE_{account.dc}")
        return self._authorization(session, account)

    # -- people

    async def _send_code(self, session: Session, request: TLRequest) -> Result:
        account = self._accounts.by_phone(request.phone_number)
        if account is None:
            raise RpcError(400, "PHONE_NUMBER_INVALID")
        if session.caller.dc_id != PERSON_DC:
            raise RpcError(303, f"PHONE_MIGRATE_{PERSON_DC}")
        _, fingerprint = self._code(digits(request.phone_number))
        self._store.run("UPDATE codes SET asked = 1 WHERE phone = ?", digits(request.phone_number))
        return types.auth.SentCode(types.auth.SentCodeTypeApp(CODE_LENGTH), fingerprint, timeout=120)

    async def _resend_code(self, session: Session, request: TLRequest) -> Result:
        return await self._send_code(session, request)

    async def _sign_in(self, session: Session, request: TLRequest) -> Result:
        phone = digits(request.phone_number)
        account = self._accounts.by_phone(phone)
        if account is None:
            raise RpcError(400, "PHONE_NUMBER_INVALID")
        if not request.phone_code:
            raise RpcError(400, "PHONE_CODE_EMPTY")
        row = self._store.one("SELECT * FROM codes WHERE phone = ? AND asked", phone)
        if row is None or row["hash"] != request.phone_code_hash:
            raise RpcError(400, "PHONE_CODE_EXPIRED")
        if row["code"] != request.phone_code:
            raise RpcError(400, "PHONE_CODE_INVALID")
        if account.has_password:
            self._accounts.log_in(session.caller.auth_key_id, session.caller.dc_id, account.id, ready=False)
            raise RpcError(401, "SESSION_PASSWORD_NEEDED")
        self._store.run("DELETE FROM codes WHERE phone = ?", phone)
        return self._authorization(session, account)

    async def _get_password(self, session: Session, request: TLRequest) -> Result:
        key = session.caller.auth_key_id
        account = self._accounts.waiting(key) or session.me
        answer = types.account.Password(
            new_algo=srp.algorithm(secrets.token_bytes(8), secrets.token_bytes(16)),
            new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
            secure_random=secrets.token_bytes(256),
            has_password=account.has_password,
        )
        if account.verifier is not None and account.salt1 is not None and account.salt2 is not None:
            question = srp.challenge(account.verifier)
            self._challenges[key] = question
            answer.current_algo = srp.algorithm(account.salt1, account.salt2)
            answer.srp_B, answer.srp_id = question.public, question.id
        return answer

    async def _check_password(self, session: Session, request: TLRequest) -> Result:
        account = self._accounts.waiting(session.caller.auth_key_id) or session.me
        question = self._challenges.pop(session.caller.auth_key_id, None)
        proof = request.password
        if account.verifier is None or account.salt1 is None or account.salt2 is None:
            raise RpcError(400, "PASSWORD_HASH_INVALID")
        if not isinstance(proof, types.InputCheckPasswordSRP):
            raise RpcError(400, "PASSWORD_HASH_INVALID")
        if question is None or proof.srp_id != question.id:
            raise RpcError(400, "SRP_ID_INVALID")
        if not srp.answers(question, account.verifier, account.salt1, account.salt2, proof.A, proof.M1):
            raise RpcError(400, "PASSWORD_HASH_INVALID")
        self._store.run("DELETE FROM codes WHERE phone = ?", account.phone)
        return self._authorization(session, account)

    async def _log_out(self, session: Session, request: TLRequest) -> Result:
        self._accounts.log_out(session.caller.auth_key_id)
        return types.auth.LoggedOut()

    # -- to the other data centre

    async def _export(self, session: Session, request: TLRequest) -> Result:
        account = session.me
        if request.dc_id not in (BOT_DC, PERSON_DC) or request.dc_id == session.caller.dc_id:
            raise RpcError(400, "DC_ID_INVALID")
        token = secrets.token_bytes(96)
        self._store.run(
            "INSERT INTO exports VALUES (?, ?, ?)", hashlib.sha256(token).digest(), account.id, request.dc_id
        )
        return types.auth.ExportedAuthorization(id=account.id, bytes=token)

    async def _import(self, session: Session, request: TLRequest) -> Result:
        token = hashlib.sha256(request.bytes).digest()
        row = self._store.one("SELECT * FROM exports WHERE token = ?", token)
        account = self._accounts.get(request.id)
        if row is None or account is None:
            raise RpcError(400, "AUTH_BYTES_INVALID")
        if (row["account"], row["dc"]) != (request.id, session.caller.dc_id):
            raise RpcError(400, "AUTH_BYTES_INVALID")
        self._store.run("DELETE FROM exports WHERE token = ?", token)
        return self._authorization(session, account)
