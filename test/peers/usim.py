"""A USIM in Python: AES-128 (FIPS 197), Milenage (TS 35.206) and what TS 33.102 §6.3 does with them. For the tests only."""


def _sbox():
    """Inverse in GF(2^8), then the affine map."""
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p = p ^ (p << 1 & 0xFF) ^ (0x1B if p & 0x80 else 0)  # times 3
        for shift in (1, 2, 4):  # divided by 3
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        box[p] = 0x63 ^ q ^ (q << 1 | q >> 7) & 0xFF ^ (q << 2 | q >> 6) & 0xFF ^ (q << 3 | q >> 5) & 0xFF ^ (q << 4 | q >> 4) & 0xFF
        if p == 1:
            return box


SBOX = _sbox()


def _double(byte):
    return byte << 1 & 0xFF ^ (0x1B if byte & 0x80 else 0)


def _round_keys(key):
    words, rcon = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = _double(rcon)
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 44, 4)]


def _mix(column):
    every = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[i] ^ every ^ _double(column[i] ^ column[(i + 1) % 4]) for i in range(4)]


def aes(key, block):
    keys = _round_keys(key)
    state = xor(block, keys[0])
    for n in range(1, 11):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]  # bytes and rows
        if n < 10:
            state = sum((_mix(state[i:i + 4]) for i in range(0, 16, 4)), [])
        state = xor(state, keys[n])
    return bytes(state)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Milenage:
    """TS 35.206 §4.1"""

    def __init__(self, k, opc):
        self.k, self.opc = k, opc

    @classmethod
    def with_op(cls, k, op):
        return cls(k, xor(aes(k, op), op))

    def _out(self, rand, rotate, constant, in1=None):
        temp = aes(self.k, xor(rand, self.opc))
        turned = xor(in1 or temp, self.opc)
        turned = turned[rotate // 8:] + turned[:rotate // 8]
        turned = xor(turned, bytes(15) + bytes([constant]))
        return xor(aes(self.k, xor(turned, temp) if in1 else turned), self.opc)

    def f1(self, rand, sqn, amf):
        """(MAC-A, MAC-S)"""
        out = self._out(rand, 64, 0, (sqn + amf) * 2)
        return out[:8], out[8:]

    def f2(self, rand):
        return self._out(rand, 0, 1)[8:]

    def f3(self, rand):
        return self._out(rand, 32, 2)

    def f4(self, rand):
        return self._out(rand, 64, 4)

    def f5(self, rand):
        return self._out(rand, 0, 1)[:6]

    def f5_star(self, rand):
        return self._out(rand, 96, 8)[:6]


class Usim:
    """TS 33.102 §6.3.3: it believes a challenge when its MAC is right and its sequence number higher than any before."""

    def __init__(self, k, opc, sqn=0):
        self.milenage, self.sqn = Milenage(k, opc), sqn

    def look(self, challenge):
        """RAND || AUTN: ("res", RES, CK, IK), ("auts", AUTS), or ("mac",) when it is from somebody else."""
        rand, autn = challenge[:16], challenge[16:32]
        sqn, amf = xor(autn[:6], self.milenage.f5(rand)), autn[6:8]
        if self.milenage.f1(rand, sqn, amf)[0] != autn[8:]:
            return ("mac",)
        if int.from_bytes(sqn, "big") <= self.sqn:
            return "auts", self.auts(rand)
        self.sqn = int.from_bytes(sqn, "big")
        return "res", self.milenage.f2(rand), self.milenage.f3(rand), self.milenage.f4(rand)

    def auts(self, rand):
        sqn = self.sqn.to_bytes(6, "big")
        return xor(sqn, self.milenage.f5_star(rand)) + self.milenage.f1(rand, sqn, bytes(2))[1]
