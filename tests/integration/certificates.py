"""An authority with a server's and a client's certificate, made for one test."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
Pair = tuple[Path, Path]


@dataclass(frozen=True, slots=True)
class Authority:
    """Files: the authority's certificate, and certificate and key of a server and of a client."""

    ca: Path
    server: Pair
    client: Pair


def authority(folder: Path, name: str = "ca") -> Authority:
    """Make an authority in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("authority", key, "authority", key, ca=True)
    ca = folder / f"{name}.pem"
    ca.write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(ca, _issued(folder, f"{name}-server", key), _issued(folder, f"{name}-client", key))


def client_context(made: Authority, pair: Pair | None = None) -> ssl.SSLContext:
    """How a client that trusts the authority speaks, with a certificate of its own or without."""
    context = ssl.create_default_context(cafile=str(made.ca))
    if pair is not None:
        context.load_cert_chain(*pair)
    return context


def _issued(folder: Path, name: str, issuer_key: ec.EllipticCurvePrivateKey) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(name, key, "authority", issuer_key, ca=False)
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    paths[1].chmod(0o600)
    return paths


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
