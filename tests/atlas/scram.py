"""SCRAM-SHA-256 as a client: pocket Atlas's own login to the database."""
import base64
import hashlib
import hmac
import os


def _digest(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


async def log_in(command, user, password):
    """`command(document)` sends one to the database and gives the reply."""
    nonce = base64.b64encode(os.urandom(18)).decode()
    bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
    started = await command({"saslStart": 1, "mechanism": "SCRAM-SHA-256",
                             "payload": f"n,,{bare}".encode(),
                             "options": {"skipEmptyExchange": True}, "$db": "admin"})
    first = started["payload"].decode()
    parts = dict(part.split("=", 1) for part in first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]),
                                 int(parts["i"]))
    final = f"c=biws,r={parts['r']}"
    key = _digest(salted, b"Client Key")
    signature = _digest(hashlib.sha256(key).digest(), f"{bare},{first},{final}".encode())
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
    await command({"saslContinue": 1, "conversationId": started["conversationId"],
                   "payload": f"{final},p={proof}".encode(), "$db": "admin"})
