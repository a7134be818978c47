#!/usr/bin/env python3
"""Seals two templates from the words of docs/formats.md alone, with libsodium (PyNaCl) and `cryptography`.

    pip install pynacl cryptography && python3 testdata/vault/vectors.py > testdata/vault/vectors.json

Nothing here shares code with the crate: XChaCha20-Poly1305 is libsodium's, the ChaCha20 key stream OpenSSL's, HKDF is
written out over `hmac`, and bits are moved one by one.
"""

import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as xchacha


def noise(label, length):
    """Bytes that look random and that everybody can make again."""
    return b"".join(
        hashlib.sha256(label + struct.pack("<I", block)).digest() for block in range(length // 32 + 1)
    )[:length]


def seal(key, nonce, context, content):
    return nonce + xchacha(content, context, nonce, key)


def expand(key, salt, info):
    pseudo_random_key = hmac.new(salt, key, hashlib.sha256).digest()
    return hmac.new(pseudo_random_key, info + b"\x01", hashlib.sha256).digest()


class Stream:
    def __init__(self, key):
        # OpenSSL wants counter (4 bytes, little-endian) and nonce (12) in one.
        self.encryptor = Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()

    def take(self, count):
        return self.encryptor.update(bytes(count))

    def below(self, bound):
        while True:
            (drawn,) = struct.unpack("<I", self.take(4))
            if drawn < 2**32 - 2**32 % bound:
                return drawn % bound


def transform(key, columns, code, mask):
    """P_K(code xor R_K), P_K(mask); planes are bytes, bit i is bit i mod 8 of byte i div 8."""
    salt = b"personhood keyed transform v1"
    places = 64 * columns
    blind = Stream(expand(key, salt, b"mask" + struct.pack("<H", columns))).take(8 * columns)
    stream = Stream(expand(key, salt, b"permutation" + struct.pack("<H", columns)))
    source = list(range(places))
    for last in range(places - 1, 0, -1):
        other = stream.below(last + 1)
        source[last], source[other] = source[other], source[last]

    def permuted(plane):
        bits = [plane[place // 8] >> (place % 8) & 1 for place in range(places)]
        out = bytearray(len(plane))
        for place in range(places):
            out[place // 8] |= bits[source[place]] << (place % 8)
        return bytes(out)

    return permuted(bytes(a ^ b for a, b in zip(code, blind))), permuted(mask)


def main():
    master = noise(b"master", 32)
    master_id = hashlib.sha256(b"personhood master key id v1" + master).digest()[:16]
    body = b"PHMK\x01" + master
    key_file = body + hashlib.sha256(b"personhood master key file v1" + body).digest()[:8]

    registry = noise(b"registry", 16)
    keys = {(1, 3): noise(b"epoch", 32), (2, 5): noise(b"deployment", 32), (3, 1): noise(b"signing", 32)}
    keyring = b"PHKR\x01" + registry + struct.pack("<H", len(keys))
    for (kind, number), key in sorted(keys.items()):
        which = struct.pack("<BI", kind, number)
        wrapped = seal(master, noise(b"wrap" + which, 24), b"personhood keyring v1" + registry + which, key)
        keyring += which + master_id + struct.pack("<H", len(wrapped)) + wrapped

    records = []
    for columns, kind, subject, eye, version in [(200, 1, 7, 0, 1), (256, 2, 2**40 + 1, 1, 9)]:
        label = b"template" + struct.pack("<H", columns)
        code, mask = noise(label + b"code", 8 * columns), noise(label + b"mask", 8 * columns)
        header = b"PHIT\x01\x03" + struct.pack("<HII", columns, 1, 0)
        deployment_id = hashlib.sha256(b"personhood deployment key id v1" + keys[2, 5]).digest()[:16]
        stored_code, stored_mask = transform(keys[2, 5], columns, code, mask)
        protected = b"PHPT\x01" + deployment_id + header + stored_code + stored_mask
        place = registry + struct.pack("<BQBI", kind, subject, eye, version)
        epoch, deployment = struct.pack("<I", 3), struct.pack("<I", 5)
        data_key = noise(label + b"data key", 32)
        record = b"\x02" + epoch + deployment
        record += seal(keys[1, 3], noise(label + b"n1", 24), b"personhood data key v2" + place + epoch, data_key)
        record += seal(data_key, noise(label + b"n2", 24), b"personhood sealed record v2" + place + deployment, protected)
        records.append({
            "kind": kind, "subject": subject, "eye": eye, "version": version,
            "template": (header + code + mask).hex(), "protected": protected.hex(), "record": record.hex(),
        })

    print(json.dumps({
        "master_key_file": key_file.hex(), "master_key_id": master_id.hex(), "keyring": keyring.hex(),
        "signing_seed": keys[3, 1].hex(), "records": records,
    }, indent=1))


main()
