"""RFC 6750 §3.1: why requests are refused, in words for operators.

The one source for the log, the hints and the manual. No client sees any of it:
what would help to mend a token would also help to forge one.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """What exactly happened; for logs and metrics, never for the client.

    Attributes:
        meaning: What happened, in one sentence.
        remedy: What to try, in one sentence.
    """

    _value_: str
    meaning: str
    remedy: str

    def __new__(cls, name: str, meaning: str, remedy: str) -> Self:
        """Make the member whose text is its *name*."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        member.remedy = remedy
        return member

    NO_CREDENTIALS = (
        "no_credentials",
        "The request brought no token to any place where the guard looks for one.",
        "Send it as the field Authorization: Bearer <token>, and let no proxy take that field out.",
    )
    OTHER_SCHEME = (
        "other_scheme",
        "The field Authorization is there, but of another scheme than Bearer.",
        "Write Bearer and one space before the token.",
    )
    REPEATED_HEADER = (
        "repeated_header",
        "The request brought several credentials, and none of them is preferred.",
        "Send one, in one place: see whether client and proxy both add one.",
    )
    MALFORMED_HEADER = (
        "malformed_header",
        "What follows the scheme is not one word of the characters that tokens have.",
        "Send the bare token: no quotes, no colon, no comma, no second Bearer.",
    )
    CROSS_SITE = (
        "cross_site",
        "A cookie came with a request that was not shown to be from a page of this site.",
        "Name the page's origin in origins=, and send the CSRF value in its header field.",
    )
    AMBIGUOUS_PATH = (
        "ambiguous_path",
        "Two readers may take the path for two different ones, and a rule depends on which.",
        "Send the path without empty and dot segments, backslashes, ';' and encoded delimiters.",
    )
    AMBIGUOUS_METHOD = (
        "ambiguous_method",
        "The method is not in capitals, and some frameworks take it for the one that is.",
        "Send the method in capitals: methods are case-sensitive.",
    )
    TOKEN_TOO_LONG = (
        "token_too_long",
        "The token is longer than max_token_bytes.",
        "Have the issuer put less into it, or raise max_token_bytes= and the server's own limit.",
    )
    MALFORMED_TOKEN = (
        "malformed_token",
        "What was sent is no JSON Web Token: not three parts of base64url that hold JSON.",
        "See what the client sends: opaque and encrypted tokens cannot be verified here.",
    )
    UNSUPPORTED_HEADER = (
        "unsupported_header",
        "The token's header has a member that changes how a token is read (crit, b64, zip).",
        "Have the issuer sign plain tokens, without extensions.",
    )
    TOKEN_TYPE = (
        "token_type",
        "The member typ of the token's header is none that is accepted of this issuer.",
        "Add it to token_types= if it marks access tokens.",
    )
    UNKNOWN_ISSUER = (
        "unknown_issuer",
        "The token's iss is the name of no issuer that this guard trusts.",
        "Compare iss with the issuer's name character by character, the slash at the end included.",
    )
    UNKNOWN_KEY = (
        "unknown_key",
        "The issuer has no key of the token's kid and alg that may verify tokens.",
        "See whether the issuer publishes that kid, and whether its alg is among algorithms=.",
    )
    AMBIGUOUS_KEY = (
        "ambiguous_key",
        "Several keys of the issuer fit, and the token does not say which.",
        "Have the issuer write kid into the header of its tokens, or give each key one.",
    )
    BAD_SIGNATURE = (
        "bad_signature",
        "The key that the token names did not make its signature.",
        "See whether key or secret are those of this issuer's environment; else it is a forgery.",
    )
    WRONG_AUDIENCE = (
        "wrong_audience",
        "The token was issued for another API.",
        "Have the client ask for this API's audience, or name the token's in audience=.",
    )
    EXPIRED = (
        "expired",
        "The token's time is over.",
        "The client gets a new one; if it is new, set the clocks of issuer and server.",
    )
    NOT_YET_VALID = (
        "not_yet_valid",
        "The token's nbf is in the future.",
        "Set the clocks, or allow for their difference by leeway=.",
    )
    ISSUED_IN_FUTURE = (
        "issued_in_future",
        "The token's iat is in the future.",
        "Set the clock of the server, which seems to be behind the issuer's.",
    )
    TOO_OLD = (
        "too_old",
        "The token was issued longer ago than max_age.",
        "The client gets a new one more often, or max_age= allows more.",
    )
    MISSING_CLAIM = (
        "missing_claim",
        "The token lacks a claim that is required.",
        "Have the issuer add the claim, or require it no more.",
    )
    WRONG_VALUE = (
        "wrong_value",
        "A claim that must have one of certain values has another.",
        "Compare the claim with claim_values= of the issuer.",
    )
    MALFORMED_CLAIM = (
        "malformed_claim",
        "A claim has a shape that it must not have, for instance a time that is a text.",
        "Have the issuer write the claim as RFC 7519 says.",
    )
    ID_TOKEN = (
        "id_token",
        "The client sent an ID token, which tells it who logged in and opens nothing.",
        "Have the client send the access token that came beside it.",
    )
    UNPROVEN = (
        "unproven",
        "The token is bound to a key (cnf), and nothing here checks that the sender holds it.",
        "Configure the proof that it is bound to, or have the issuer issue plain bearer tokens.",
    )
    REVOKED = (
        "revoked",
        "The token was withdrawn before its time was over.",
        "The client logs in again; if it should not have to, see who revoked it.",
    )
    NOT_PERMITTED = (
        "not_permitted",
        "The token is valid, and grants less than the route requires.",
        "Grant the scope or role at the issuer, and see at which claim the issuer writes it.",
    )
    STEP_UP = (
        "step_up",
        "The user's authentication is too weak or too long ago for the route.",
        "The client sends the user to log in again with the acr_values and max_age of the answer.",
    )
    NO_KEYS = (
        "no_keys",
        "The issuer's keys could not be had, so that nobody can tell whether the token is valid.",
        "See last_error of the guard's health() for why fetching them fails.",
    )
    STORE_UNAVAILABLE = (
        "store_unavailable",
        "A store that has to be asked about the token gave no answer.",
        "See whether the store is up and can be reached from this server.",
    )
