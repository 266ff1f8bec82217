"""Where an installation keeps what it must not lose: keys, the embedded database, the heads of the audit chains.

As root that is ``/var/lib/zorgsluis``, which the database's unprivileged user can pass through; as anybody else the
user's own state folder. ``ZORGSLUIS_STATE`` names another one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.errors import Misconfigured

SYSTEM_STATE: Final = Path("/var/lib/zorgsluis")
PRIVATE: Final = 0o700
# Others may pass through to what they own below, and see nothing of it.
PASSABLE: Final = 0o711


def state_folder(environ: Mapping[str, str] = os.environ, *, uid: int | None = None) -> Path:
    """Return the state folder of this user, made when it isn't there.

    Raises:
        Misconfigured: it can't be made, or is somebody else's.
    """
    owner = os.geteuid() if uid is None else uid
    return own_folder(_chosen(environ, owner), PASSABLE if owner == 0 else PRIVATE)


def key_folder(state: Path) -> Path:
    """Return the folder for keys and operator tokens: mode 0700, made when it isn't there."""
    return own_folder(state / "keys", PRIVATE)


def postgres_folder(state: Path) -> Path:
    """Return the folder of the embedded database; the launcher makes it."""
    return state / "postgres"


def own_folder(path: Path, mode: int) -> Path:
    """Make a folder with this mode, or check that the one there is ours and not open for others to write.

    Raises:
        Misconfigured: it can't be made, isn't a folder, is somebody else's, or others may write in it.
    """
    try:
        for missing in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
            missing.mkdir(mode=mode, exist_ok=True)
            # Said again: mkdir lets the umask take rights away, and another user has to pass here.
            missing.chmod(mode)
        found = path.stat()
    except OSError as error:
        raise Misconfigured(f"cannot make the folder {path}: {error.strerror}; ZORGSLUIS_STATE names another one") from None
    if found.st_uid != os.geteuid():
        raise Misconfigured(f"{path} belongs to user {found.st_uid}, not to us; ZORGSLUIS_STATE names another folder")
    if found.st_mode & 0o022:
        raise Misconfigured(f"others may write in {path}; take that right away with: chmod go-w {path}")
    if mode == PRIVATE and found.st_mode & 0o077:
        path.chmod(PRIVATE)
    return path


def _chosen(environ: Mapping[str, str], uid: int) -> Path:
    if named := environ.get("ZORGSLUIS_STATE"):
        return Path(named).absolute()
    if uid == 0:
        return SYSTEM_STATE
    base = environ.get("XDG_STATE_HOME", "")
    # The XDG base directory specification says that a relative path there is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state") / "zorgsluis"
