"""Certificates for https: one that is given, or one that signs itself and that clients are told to trust.

Only making one needs the ``cryptography`` package; an emulator without https, or with a certificate given, does not.
"""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

VALID_DAYS = 365
_MINIMUM_DAYS_LEFT = 7
_BACKDATED = timedelta(hours=1)  # for clients whose clock is a little behind
_ADDRESSES = ("127.0.0.1", "::1")


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a server needs to speak TLS 1.2 and later.

    :raises OSError: a file is missing, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def self_signed(directory: Path, account: str) -> tuple[Path, Path]:
    """Return ``cert.pem`` and ``key.pem`` in ``directory``: those that are there if they will do, else new ones.

    A client that trusts ``cert.pem`` reaches 127.0.0.1, ::1, localhost and host-style names of any account.

    :raises OSError: the directory cannot be written.
    """
    certificate, key = directory / "cert.pem", directory / "key.pem"
    names = ["localhost", "*.file.localhost", f"{account}.file.localhost"]
    if not _will_do(certificate, key, names):
        directory.mkdir(parents=True, exist_ok=True)
        certificate_pem, key_pem = _make(names)
        key.touch(mode=0o600)
        key.write_bytes(key_pem)
        certificate.write_bytes(certificate_pem)
    return certificate, key


def _will_do(certificate: Path, key: Path, names: list[str]) -> bool:
    from cryptography import x509

    try:
        server_context(certificate, key)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    lasts = found.not_valid_after_utc - datetime.now(UTC) > timedelta(days=_MINIMUM_DAYS_LEFT)
    return lasts and set(names) <= set(known.get_values_for_type(x509.DNSName))


def _make(names: list[str]) -> tuple[bytes, bytes]:
    """Return a certificate and its key, as PEM.

    It says that it is an authority, and has the identifiers of one: some TLS libraries trust nothing else as a root.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Azure Files emulator")])
    alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(text)) for text in _ADDRESSES)]
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem
