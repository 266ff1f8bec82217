"""HL7 v2 messages of a Dutch care organisation, small and synthetic, for the tests of maps, versions and order."""

from __future__ import annotations

OVERLAY = """
extends: hl7v2
codes: {zorgprofiel: zorgprofiel.csv}
add:
  - {id: ZVV.3, into: encounter, from: ZVV-3, to: "type[]", as: CWE, codes: zorgprofiel, own: "care profile of the long-term care act"}
  - {id: ZVV.4, into: encounter, from: ZVV-4, to: serviceProvider.display, as: string, own: "the team that gives the care"}
"""
TABLE = """map,source_system,source_code,target_system,target_code,target_display,relation,note
zorgprofiel,,4VV,https://zorgsluis.example/fhir/CodeSystem/zorgprofiel,4VV,Beschut wonen met verzorging,equivalent,
zorgprofiel,,5VV,https://zorgsluis.example/fhir/CodeSystem/zorgprofiel,5VV,Beschermd wonen met intensieve dementiezorg,equivalent,
"""


def adt(
    trigger: str = "A01",
    *,
    number: str = "1",
    client: str = "0012345",
    at: str = "20260310143005+0100",
    family: str = "Jansen",
    profile: str = "4VV",
    mrg: str = "",
    visit: str = "V20260310-77",
    admitted: str = "20260310140000+0100",
) -> bytes:
    """Return an ADT message; ``mrg`` is the number that goes up in that of the client."""
    segments = [
        rf"MSH|^~\&|VESTA|LINDE|ZORGSLUIS|LINDE|{at}||ADT^{trigger}|{number}|P|2.5.1|||AL|NE|NLD|UNICODE UTF-8",
        f"EVN|{trigger}|{at}",
        f"PID|1||{client}^^^VESTA^PI||{family}^Johanna^Maria^^^^L||19380412|F|||Dorpsstraat 12^^Apeldoorn^^7311 AB^NL^H",
    ]
    if mrg:
        segments.append(f"MRG|{mrg}^^^VESTA^PI")
    else:
        segments += [f"PV1|1|I|PG2^204^1||||||||||||||||{visit}^^^VESTA^VN{'|' * 25}{admitted}", f"ZVV|1|VPT|{profile}|TEAM-OOST"]
    return "".join(f"{segment}\r" for segment in segments).encode()


def record(body: bytes) -> tuple[str, str, bytes]:
    """Return a message as (key, kind, body), named as intake names it."""
    header = body.split(b"\r", 1)[0].decode().split("|")
    return f"{header[2]}|{header[3]}|{header[9]}", header[8].split("^")[0].lower(), body
