#!/usr/bin/env python3
"""Writes a transparency log as docs/formats.md and C2SP describe it, sharing no code with the crate.

    python3 oracle.py v1        (needs the package `cryptography`)

Keys are the SHA-256 of words and belong to nobody. The result is frozen: a later release must read and write the same.
"""
import base64, hashlib, pathlib, struct, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def b64(data): return base64.b64encode(data).decode()

class Key:
    def __init__(self, name, kind, word):
        self.name, self.kind, self.seed = name, bytes([kind]), sha(word)
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = sha(name.encode(), b"\n", self.kind, self.public)[:4]
    def vkey(self): return f"{self.name}+{self.id.hex()}+{b64(self.kind + self.public)}"
    def skey(self): return f"PRIVATE+KEY+{self.name}+{self.id.hex()}+{b64(self.kind + self.seed)}\n"
    def line(self, text, time=None):
        if time is None: return f"— {self.name} {b64(self.id + self.key.sign(text.encode()))}\n"
        signed = f"cosignature/v1\ntime {time}\n{text}".encode()
        return f"— {self.name} {b64(self.id + struct.pack('>Q', time) + self.key.sign(signed))}\n"

def mth(leaves):
    if not leaves: return sha(b"")
    if len(leaves) == 1: return sha(b"\0", leaves[0])
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\1", mth(leaves[:k]), mth(leaves[k:]))

def path(m, leaves):
    if len(leaves) == 1: return []
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return path(m, leaves[:k]) + [mth(leaves[k:])] if m < k else path(m - k, leaves[k:]) + [mth(leaves[:k])]

def proof(m, leaves, whole=True):
    if m == len(leaves): return [] if whole else [mth(leaves)]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if m <= k: return proof(m, leaves[:k], whole) + [mth(leaves[k:])]
    return proof(m - k, leaves[k:], False) + [mth(leaves[:k])]

def root(number): return struct.pack("<Q", number) + bytes([7] * 16) + bytes(8)

def entries(count):
    """Genesis, then by turns: insert, update, policy, delete, key, software; root `n` is after entry `n`."""
    made, now, sequence, leaves = [], 0, 0, 0
    for n in range(count):
        kind = 0 if n == 0 else [6, 1, 3, 4, 2, 5, 1][n % 7]
        old = now
        if kind in (1, 2, 3): now = n
        if kind == 1: leaves += 1
        if kind not in (0, 5, 6): sequence += 1
        members = 1 if kind in (1, 2, 3) else 0
        digest = bytes(32) if members else sha(struct.pack("<Q", n))
        made.append(b"PHLE" + bytes([1, kind, 0, 0]) + struct.pack("<QQQI", sequence, 1_800_000_000 + n, leaves, members)
                    + root(old) + root(now) + digest)
        assert len(made[-1]) == 132
    return made

def checkpoint(key, leaves): return f"{key.name}\n{len(leaves)}\n{b64(mth(leaves))}\n"

def tile_path(kind, width): return pathlib.Path("tile", kind, "000" if width == 256 else f"000.p/{width}")

def main(folder):
    log, witness = Key("log.example/people", 1, b"log"), Key("witness.example/1", 4, b"witness")
    leaves = entries(260)
    text = checkpoint(log, leaves)
    cosigned = f"{text}\n{log.line(text)}{witness.line(text, 1_900_000_000)}"
    hashes = [sha(b"\0", leaf) for leaf in leaves]
    files = {"checkpoint": cosigned.encode(), "log.key": log.skey().encode(), "witness.key": witness.skey().encode(),
             "keys": f"{log.vkey()}\n{witness.vkey()}\n".encode()}
    for start, name in [(0, "000"), (256, "001.p/4")]:
        part = leaves[start:start + 256]
        files[f"tile/entries/{name}"] = b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in part)
        files[f"tile/0/{name}"] = b"".join(hashes[start:start + 256])
    files["tile/1/000.p/1"] = mth(leaves[:256])
    bundle = "".join(f"{b64(h)}\n" for h in path(259, leaves))
    files["bundle.tlog-proof"] = (f"c2sp.org/tlog-proof@v1\nextra {b64(leaves[259])}\nindex 259\n{bundle}\n{cosigned}").encode()
    grown = "".join(f"{b64(h)}\n" for h in proof(100, leaves))
    files["request"] = f"old 100\n{grown}\n{text}\n{log.line(text)}".encode()
    files["entry"] = leaves[4]
    files["first-request"] = f"old 0\n\n{text}\n{log.line(text)}".encode()
    for name, data in files.items():
        file = pathlib.Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

main(sys.argv[1])
