"""Signs and verifies AppJWT, ConsumerJWS and agent Bearer tokens (RS256)."""

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lpnb.sandbox.http import strict_json

# The libraries are imported where they are used: nobody needs them before the first token. joserfc takes a
# tenth of a second: it reads tokens that are not known yet and publishes the key; signing does without it.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from joserfc.jwk import KeyParameters, RSAKey

# Documented: the key id in the header of every token the pages show.
KEY_ID = "appjwt-13-05-17"
_HEADER = {"kid": KEY_ID, "typ": "JWT", "alg": "RS256"}
_APP_CLAIMS = {"aud", "azp", "scope", "iss", "iat", "exp"}
_KEY_NAMES: "KeyParameters" = {"kid": KEY_ID, "use": "sig", "alg": "RS256"}
_CACHE_SIZE = 4096

AppJwtProblem = Literal["claim missing", "invalid"]


class Consumer(NamedTuple):
    """A consumer of one account: the brand's name for it and LivePerson's."""

    ext_consumer_id: str
    lp_consumer_id: str
    account_id: str


def consumer(account_id: str, ext_consumer_id: str) -> Consumer:
    """The consumer behind an external id; the same id always gives the same consumer.

    How LivePerson derives ``lp_consumer_id`` is not published (inferred: any stable digest).

    >>> consumer("12345678", "anna").lp_consumer_id == consumer("12345678", "anna").lp_consumer_id
    True
    """
    digest = hashlib.sha256(json.dumps([account_id, ext_consumer_id]).encode()).hexdigest()
    return Consumer(ext_consumer_id, digest, account_id)


class Keyring:
    """Signs tokens with a key of its own and knows them again; *key_text* is what `to_json` gave."""

    def __init__(self, key_text: str | None = None) -> None:
        self._key_pair: RSAPrivateKey | None = None
        self._web_key_pair: RSAKey | None = None
        self._valid_from = 0
        if key_text is not None:
            data = json.loads(key_text)
            self._web_key_pair = _load_key(data["key"])
            self._key_pair = self._web_key_pair.private_key
            self._valid_from = int(data["valid_from"])
        self._claims_by_token: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def private_key(self) -> "RSAPrivateKey":
        """The key, made when it is first needed; a thread can have it made meanwhile."""
        if self._key_pair is None:
            with self._lock:
                self._key_pair = self._key_pair or _new_key()
        return self._key_pair

    def _web_key(self) -> "RSAKey":
        """The key as joserfc has it: a tenth of a second of checks, once."""
        if self._web_key_pair is not None:
            return self._web_key_pair
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
        from joserfc.jwk import RSAKey

        pem = self.private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._web_key_pair = RSAKey.import_key(pem, _KEY_NAMES)
        return self._web_key_pair

    def to_json(self) -> str:
        """The key and what was expired, for a later `Keyring` that knows the same tokens."""
        return json.dumps({"key": self._web_key().as_dict(private=True), "valid_from": self._valid_from})

    def public_keys(self) -> dict[str, Any]:
        """The key set of ``/sentinel/well-known/jwks``."""
        return {"keys": [self._web_key().as_dict(private=False)]}

    def app_jwt(self, account_id: str, client_id: str, lifetime: int, now: float, *, version: int = 1) -> str:
        """An AppJWT with the documented claims, and a mark in one of Sentinel V2 (inferred: any will do)."""
        issue_time = max(int(now), self._valid_from)
        claims: dict[str, Any] = {
            "aud": account_id,
            "azp": client_id,
            "scope": "msg.consumer",
            "iss": "Sentinel",
            "exp": issue_time + lifetime,
            "iat": issue_time,
        }
        if version == 2:
            claims["ver"] = "2.0"
        return self._sign(claims)

    def consumer_jws(self, account_id: str, consumer: Consumer) -> str:
        """A ConsumerJWS. It has neither iat nor exp: it never expires (documented)."""
        claims = {
            "account_id": account_id,
            "ext_consumer_id": consumer.ext_consumer_id,
            "lp_consumer_id": consumer.lp_consumer_id,
        }
        return self._sign(claims)

    def agent_bearer(self, account_id: str, agent_id: str, session_id: str, now: float, lifetime: int) -> str:
        """What an agent login gives; history takes it."""
        claims = {"account_id": account_id, "agent_id": agent_id, "sid": session_id}
        return self._sign({**claims, "exp": int(now) + lifetime})

    def agent_claims(self, token: str, account_id: str) -> dict[str, Any] | None:
        """The claims of an agent's bearer (agent_id, sid, exp), however old; None when it is none of ours."""
        claims = self._read(token)
        if claims is None or claims.get("account_id") != account_id or "agent_id" not in claims:
            return None
        return claims

    def expire_app_jwts(self, now: float) -> None:
        """Make every AppJWT issued so far invalid.

        RS256 gives the same token for the same claims, so a new token of the same second would
        be one of those just expired: from here on ``iat`` starts a second later.
        """
        with self._lock:
            self._valid_from = max(self._valid_from, int(now)) + 1

    def app_jwt_problem(self, token: str, account_id: str, now: float) -> AppJwtProblem | None:
        """What is wrong with an AppJWT, or None.

        A missing claim or a wrong issuer is reported before the signature is looked at: the pages
        give it an error of its own (40001).
        """
        claims = self._claims_by_token.get(token) or _unverified_claims(token)
        if claims is None:
            return "invalid"
        issuer = claims.get("iss")
        if not claims.keys() >= _APP_CLAIMS:
            return "claim missing"
        # "Sentinel" in the token, "sentinel" in the prose: both are taken.
        if not isinstance(issuer, str) or issuer.lower() != "sentinel":
            return "claim missing"
        if self._read(token) is None or claims["aud"] != account_id:
            return "invalid"
        return None if self._valid_from <= claims["iat"] and now < claims["exp"] else "invalid"

    def consumer_behind(self, token: str, account_id: str) -> Consumer | None:
        """The consumer a ConsumerJWS names, or None when it is not one of ours."""
        claims = self._read(token)
        if claims is None or claims.get("account_id") != account_id or "ext_consumer_id" not in claims:
            return None
        return Consumer(claims["ext_consumer_id"], claims["lp_consumer_id"], account_id)

    def client_behind(self, app_jwt: str) -> str:
        """The client id of the installation an AppJWT of ours was issued to; "" when it is none."""
        claims = self._read(app_jwt)
        return str(claims.get("azp", "")) if claims else ""

    def is_application_token(self, token: str, account_id: str, now: float) -> bool:
        """Whether it is a valid AppJWT of Sentinel V2, which history takes as a Bearer."""
        claims = self._read(token)
        return (
            claims is not None
            and claims.get("ver") == "2.0"
            and self.app_jwt_problem(token, account_id, now) is None
        )

    def _sign(self, claims: dict[str, Any]) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        message = f"{_token_part(_json_bytes(_HEADER))}.{_token_part(_json_bytes(claims))}"
        signature = self.private_key().sign(message.encode(), PKCS1v15(), SHA256())
        token = f"{message}.{_token_part(signature)}"
        self._remember(token, claims)
        return token

    def _read(self, token: str) -> dict[str, Any] | None:
        """The claims of a token this keyring signed, or None."""
        cached_claims = self._claims_by_token.get(token)
        if cached_claims is not None:
            return cached_claims
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = jwt.decode(token, self._web_key(), algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return None
        self._remember(token, claims)
        return claims

    def _remember(self, token: str, claims: dict[str, Any]) -> None:
        """Spare the next check of this token: reading one takes longer than all the rest of an answer."""
        if len(self._claims_by_token) >= _CACHE_SIZE:
            del self._claims_by_token[next(iter(self._claims_by_token))]
        self._claims_by_token[token] = claims


def _new_key() -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(65537, 2048)


def _load_key(key_data: Any) -> "RSAKey":
    from joserfc.jwk import RSAKey

    key = RSAKey.import_key(key_data, _KEY_NAMES)
    if key.private_key is None:
        raise ValueError("the key is a public one")
    return key


def _json_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _token_part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unverified_claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1].encode("ascii") + b"==")
        claims = strict_json.read(payload)
    except (binascii.Error, UnicodeEncodeError, strict_json.StrictJsonError):
        return None
    return claims if isinstance(claims, dict) else None
