"""What can go wrong, grouped by what the gateway does about it.

GatewayError
├── NotFound            no such thing, or not for this caller     → tell the caller, nothing else
├── Conflict            somebody else holds or changed it         → let go, the holder goes on
├── Misconfigured       nothing on this channel can pass          → stop the channel, one alert
│   └── AuthError       the neighbour refuses our credentials     → stop the channel, burn no attempts
├── Retryable           the same call may succeed later           → back off with full jitter, try again
│   ├── TransientError  refused, reset, 408, 5xx                  → try again
│   │   └── SourceUnavailable   announced maintenance             → try again
│   ├── Throttled       423, 429                                  → try again, not before Retry-After
│   └── AmbiguousError  sent, outcome unknown                     → read back, then try again
├── CursorExpired       the source forgot our bookmark            → read the slice in full
├── PermanentError      this call can never succeed               → fail the slice, others go on
└── Rejected            this item can never succeed               → set it aside, keep going
    └── RecordRejected  one record of a page is unusable          → dead letter, the rest goes on

Texts never hold record content, a name or a BSN: they go to logs and to operators without a care relation.
"""

from __future__ import annotations


class GatewayError(Exception):
    """The root; ``code`` is the stable word for summaries, metrics and OperationOutcomes."""

    code = "error"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        stream: str | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.stream = stream
        self.key = key


class NotFound(GatewayError):
    """Absent or withheld: the caller can't tell which, the audit can."""

    code = "not-found"


class Conflict(GatewayError):
    """The lease, the lock or the version is somebody else's."""

    code = "conflict"


class Misconfigured(GatewayError):
    """No message on this channel can pass until a human changes something."""

    code = "config"


class AuthError(Misconfigured):
    """The neighbour refuses our certificate, token or key."""

    code = "auth"


class Retryable(GatewayError):
    """The same call may succeed later."""

    code = "retryable"
    retryable = True


class TransientError(Retryable):
    """Refused, reset before anything was sent, timed out on a read, 408 or 5xx."""

    code = "transient"


class SourceUnavailable(TransientError):
    """The source says that it is down for maintenance."""

    code = "maintenance"


class Throttled(Retryable):
    """The neighbour asks for fewer calls; ``retry_after`` is in seconds when it says so."""

    code = "throttled"


class AmbiguousError(Retryable):
    """Sent, outcome unknown: it may have been done. Read back before sending again."""

    code = "ambiguous"


class CursorExpired(GatewayError):
    """The source no longer knows our bookmark."""

    code = "cursor-expired"


class PermanentError(GatewayError):
    """This call can never succeed: the slice fails, other slices go on."""

    code = "permanent"


class Rejected(GatewayError):
    """This item can never succeed: it is set aside with its reason, the rest goes on."""

    code = "rejected"


class RecordRejected(Rejected):
    """One record of a page is unusable."""

    code = "record"
