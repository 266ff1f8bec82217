"""Bundles that the portal answers with: bodies go in as the bytes they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from samples.portal.compartments import Applied, Version


def transaction_response(results: Iterable[Applied]) -> str:
    """Return the answer to a transaction: an entry for each entry, in the same order."""
    entries = [{"response": _response(result.status, result.version, result.at)} for result in results]
    return json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def searchset(base: str, links: dict[str, str], total: int, found: Iterable[Version]) -> str:
    """Return a page of what was found. Each entry names its version in ``link``, since its body is left as it came."""
    entries = ",".join(_found(base, version) for version in found)
    return _bundle("searchset", links, total, entries)


def history(base: str, url: str, versions: list[Version]) -> str:
    """Return every version, newest first."""
    entries = ",".join(_past(base, version) for version in versions)
    return _bundle("history", {"self": url}, len(versions), entries)


def _bundle(kind: str, links: dict[str, str], total: int, entries: str) -> str:
    head = {
        "resourceType": "Bundle",
        "type": kind,
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
    }
    closing = f',"entry":[{entries}]}}' if entries else "}"
    return json.dumps(head)[:-1] + closing


def _found(base: str, version: Version) -> str:
    url = f"{base}/{version.type}/{version.id}"
    head = {
        "fullUrl": url,
        "link": [{"relation": "self", "url": f"{url}/_history/{version.version}"}],
        "search": {"mode": "match"},
    }
    return _with_resource(head, version)


def _past(base: str, version: Version) -> str:
    target = f"{version.type}/{version.id}"
    status = "204 No Content" if version.op == "delete" else "201 Created" if version.version == 1 else "200 OK"
    head = {
        "fullUrl": f"{base}/{target}",
        "request": {"method": version.op.upper(), "url": target},
        "response": _response(status, version.version, version.at),
    }
    return _with_resource(head, version)


def _with_resource(head: Mapping[str, object], version: Version) -> str:
    text = json.dumps(head)
    return text if version.body is None else f'{text[:-1]},"resource":{version.body.decode()}}}'


def _response(status: str, version: int | None, at: str) -> dict[str, str]:
    if version is None:
        return {"status": status}
    return {"status": status, "etag": f'W/"{version}"', "lastModified": at}
