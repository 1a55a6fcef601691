"""Who may log in: SQLite, with passwords as Argon2id hashes (RFC 9106)."""

import secrets
import sqlite3
import threading
from dataclasses import dataclass
from typing import Self

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

_SCHEMA = """
CREATE TABLE users (
    username      TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    scope         TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A username with its password in clear text, which the page shows too."""

    username: str
    password: str
    scope: str


DEMO_ACCOUNTS = (
    DemoAccount("alice", "wonderland", ""),
    DemoAccount("bob", "looking-glass", "admin"),
)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who gave the right password.

    Attributes:
        username: Unique name; the `sub` of the user's tokens.
        scope: OAuth scope values, separated by spaces; "" for none.
    """

    username: str
    scope: str


class UserStore:
    """Users in SQLite. May be used from several threads; close it after use."""

    def __init__(self, path: str = ":memory:", *, hasher: PasswordHasher | None = None) -> None:
        """Make an empty store.

        Args:
            path: A new database file; by default one in memory.
            hasher: Hashes and verifies; by default with RFC 9106's parameters
                for machines with little memory (64 MiB each).
        """
        self._hasher = hasher or PasswordHasher()
        # Verified where there is no user, so that both cases take as long.
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe())
        # Passwords are verified in worker threads, while SQLite expects one only.
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute(_SCHEMA)

    @classmethod
    def with_demo_accounts(cls, hasher: PasswordHasher | None = None) -> Self:
        """Make a store in memory that knows the two demo accounts.

        Args:
            hasher: As the constructor's.
        """
        store = cls(hasher=hasher)
        for account in DEMO_ACCOUNTS:
            store.add(account.username, account.password, account.scope)
        return store

    def add(self, username: str, password: str, scope: str = "") -> None:
        """Store a user; of the password only its hash.

        Raises:
            sqlite3.IntegrityError: The username is taken.
        """
        row = (username, self._hasher.hash(password), scope)
        with self._lock, self._database:
            self._database.execute("INSERT INTO users VALUES (?, ?, ?)", row)

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user if the password is right, or None.

        An unknown username costs one verification too: the time of the answer
        does not tell which usernames there are.
        """
        known = self._find(username)
        password_hash = known[0] if known else self._nobodys_hash
        matches = self._matches(password_hash, password)
        return User(username, known[1]) if known and matches else None

    def _find(self, username: str) -> tuple[str, str] | None:
        query = "SELECT password_hash, scope FROM users WHERE username = ?"
        with self._lock:
            row: tuple[str, str] | None = self._database.execute(query, (username,)).fetchone()
        return row

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerificationError:
            return False

    def close(self) -> None:
        """Close the database; one in memory is gone then."""
        self._database.close()
