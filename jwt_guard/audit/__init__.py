"""Which routes there are, and what each asks for: before it ships."""

from ._report import Audit, AuditedRoute, assert_guarded, audit

__all__ = ["Audit", "AuditedRoute", "assert_guarded", "audit"]
