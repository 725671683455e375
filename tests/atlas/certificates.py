"""A throwaway CA and what it signs: good, expired, for another name; and one of another CA."""
import datetime
import ssl

import trustme

KINDS = ("good", "ends_soon", "expired", "other_name", "unknown_ca")


class Certificates:
    """Files in `folder`: ca.pem, other-ca.pem and client.pem (certificate and key for X.509)."""

    def __init__(self, folder, names):
        self.ca_file, self.client_file = folder / "ca.pem", folder / "client.pem"
        self.other_ca_file = folder / "other-ca.pem"
        ca, other = trustme.CA(key_type=trustme.KeyType.ECDSA), trustme.CA(
            key_type=trustme.KeyType.ECDSA)
        ca.cert_pem.write_to_path(str(self.ca_file))
        other.cert_pem.write_to_path(str(self.other_ca_file))
        client = self._issue(ca, ["pocket@app.test"], common_name="app", organization_name="pocket")
        client.private_key_and_cert_chain_pem.write_to_path(str(self.client_file))
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        self.contexts = {
            "good": self._context(ca, self._issue(ca, names)),
            "ends_soon": self._context(ca, self._issue(ca, names, not_before=now - 80 * day,
                                                       not_after=now + 5 * day)),
            "expired": self._context(ca, self._issue(ca, names, not_before=now - 30 * day,
                                                     not_after=now - day)),
            "other_name": self._context(ca, self._issue(ca, ["elsewhere.test", "127.9.9.9"])),
            "unknown_ca": self._context(ca, self._issue(other, names)),
        }

    @staticmethod
    def _issue(ca, names, **options):
        return ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA, **options)

    @staticmethod
    def _context(ca, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.sni_callback = _remember_name
        return context


def _remember_name(tls, name, _context):
    """The horizon follows the name that the client asked for."""
    tls.asked_name = name


def subject_of(tls):
    """The subject of the client's certificate as RFC 2253 writes it; None without one."""
    certificate = tls.getpeercert()
    if not certificate:
        return None
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU"}
    pairs = [pair for group in certificate["subject"] for pair in group]
    return ",".join(f"{short.get(name, name)}={value}" for name, value in reversed(pairs))
