"""Writes signature_vectors.json: deliveries with the answer that a receiver must give.

Signatures are made here with Python's hmac, not with Souk's code and not with the official library, so that both can be
checked against them. Run without arguments to write the file, with --check to see whether it is current.
"""

import hashlib
import hmac
import json
import pathlib
import sys

NOW = 1_790_000_000
SECRET = "whsec_0123456789abcdefghijklmnopqrstuv"
OTHER = "whsec_vutsrqponmlkjihgfedcba9876543210"
THIRD = "whsec_third"
BODY = '{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1"}}}'

vectors = []


def code(t, body, secret=SECRET, digest=hashlib.sha256):
    return hmac.new(secret.encode(), f"{t}.{body}".encode(), digest).hexdigest()


def header(t=NOW, body=BODY, secret=SECRET):
    return f"t={t},v1={code(t, body, secret)}"


def add(name, expected, head, body=BODY, secrets=(SECRET,), sdk=None, why=None):
    """expected is "accepted" or the reason of the refusal; sdk says what the official library does if it differs."""
    accepted = expected == "accepted"
    vectors.append(
        {
            "name": name,
            "header": head,
            "body": body,
            "secrets": list(secrets),
            "now": NOW,
            "expected": expected,
            "sdk_accepts": accepted if sdk is None else sdk,
            "difference": why,
        }
    )


# Time
add("signed now", "accepted", header())
add("signed one second ago", "accepted", header(NOW - 1))
add("signed 299 s ago", "accepted", header(NOW - 299))
add("signed 300 s ago, the last second of the tolerance", "accepted", header(NOW - 300))
add("signed 301 s ago", "too_old", header(NOW - 301))
add("signed an hour ago", "too_old", header(NOW - 3600))
add("signed a day ago", "too_old", header(NOW - 86400))
add("signed in 1970", "too_old", header(0))
add("signed one second ahead", "accepted", header(NOW + 1))
add("signed 299 s ahead", "accepted", header(NOW + 299))
add("signed 300 s ahead, the last second of the tolerance", "accepted", header(NOW + 300))
AHEAD = "the official library lets every future time pass; Souk allows 300 s in both directions"
add("signed 301 s ahead", "too_new", header(NOW + 301), sdk=True, why=AHEAD)
add("signed an hour ahead", "too_new", header(NOW + 3600), sdk=True, why=AHEAD)
add("signed in the year 2200", "too_new", header(7_258_118_400), sdk=True, why=AHEAD)
add("old and of another body: the signature is judged first", "mismatch", header(NOW - 3600, BODY + " "))

# Bodies
add("empty body", "accepted", header(body=""), body="")
add("empty body, signature of another", "mismatch", header(), body="")
add("one byte more", "mismatch", header(), body=BODY + " ")
add("one byte less", "mismatch", header(), body=BODY[:-1])
add("one byte changed", "mismatch", header(), body=BODY.replace("evt_1", "evt_2"))
add("line break at the end", "mismatch", header(), body=BODY + "\n")
add("line break at the end, signed with it", "accepted", header(body=BODY + "\n"), body=BODY + "\n")
add("keys in another order", "mismatch", header(), body='{"object":"event","id":"evt_1"}')
PRETTY = json.dumps(json.loads(BODY), indent=2)
add("indented, signed as it stands", "accepted", header(body=PRETTY), body=PRETTY)
add("indented after signing", "mismatch", header(), body=PRETTY)
UMLAUT = '{"name":"Müller & Söhne, Łódź","emoji":"🪑"}'
add("letters beyond ASCII", "accepted", header(body=UMLAUT), body=UMLAUT)
add("letters beyond ASCII, escaped after signing", "mismatch", header(body=UMLAUT), body=json.dumps(json.loads(UMLAUT)))
COMPOSED, DECOMPOSED = '{"n":"\u00e9"}', '{"n":"e\u0301"}'
add("the same letter composed otherwise", "mismatch", header(body=COMPOSED), body=DECOMPOSED)
add("decomposed letter, signed as it stands", "accepted", header(body=DECOMPOSED), body=DECOMPOSED)
CRLF = '{"a":1,\r\n"b":2}'
add("carriage returns, signed as they stand", "accepted", header(body=CRLF), body=CRLF)
add("carriage returns dropped on the way", "mismatch", header(body=CRLF), body=CRLF.replace("\r", ""))
BOM = "\ufeff" + BODY
add("byte order mark, signed with it", "accepted", header(body=BOM), body=BOM)
add("byte order mark added on the way", "mismatch", header(), body=BOM)
ZERO = '{"a":"\u0000"}'
add("zero byte inside", "accepted", header(body=ZERO), body=ZERO)
add("not JSON at all", "accepted", header(body="hello"), body="hello")
LONG = '{"a":"' + "x" * 20000 + '"}'
add("20 000 bytes", "accepted", header(body=LONG), body=LONG)
DOTS = "1790000000.{}"
add("a body that looks like a signed text", "accepted", header(body=DOTS), body=DOTS)

# Secrets
add("secret of another endpoint", "mismatch", header(secret=OTHER))
add("rolled: signed with the new secret, both accepted", "accepted", header(), secrets=(SECRET, OTHER))
add("rolled: signed with the old secret, both accepted", "accepted", header(secret=OTHER), secrets=(SECRET, OTHER))
add("rolled: the old secret was dropped", "mismatch", header(secret=OTHER), secrets=(SECRET, THIRD))
add("three secrets, the last one signed", "accepted", header(secret=THIRD), secrets=(SECRET, OTHER, THIRD))
add("secret without its prefix", "mismatch", header(secret=SECRET.removeprefix("whsec_")))
add("secret with a space at the end", "mismatch", header(secret=SECRET + " "))
add("secret in capitals", "mismatch", header(secret=SECRET.upper()))
add("no secret configured", "no_secret", header(), secrets=())
add("an empty secret is none", "no_secret", header(secret=""), secrets=("",))
add("a blank secret is none", "no_secret", header(secret=" "), secrets=(" ",))
add("an empty secret beside a real one", "accepted", header(), secrets=("", SECRET))
add("signed with the empty secret, a real one configured", "mismatch", header(secret=""))

# Several signatures
GOOD, WRONG = code(NOW, BODY), code(NOW, BODY, OTHER)
add("two v1, the first is right", "accepted", f"t={NOW},v1={GOOD},v1={WRONG}")
add("two v1, the second is right", "accepted", f"t={NOW},v1={WRONG},v1={GOOD}")
add("two v1, none is right", "mismatch", f"t={NOW},v1={WRONG},v1={code(NOW, BODY, THIRD)}")
add("the same v1 twice", "accepted", f"t={NOW},v1={GOOD},v1={GOOD}")
add("ten v1, the last is right", "accepted", f"t={NOW}," + f"v1={WRONG}," * 9 + f"v1={GOOD}")
add("v1 and v0", "accepted", f"t={NOW},v1={GOOD},v0={'6' * 64}")
add("v0 before v1", "accepted", f"t={NOW},v0={'6' * 64},v1={GOOD}")
add("only v0, with the right code", "signature_missing", f"t={NOW},v0={GOOD}")
add("only v2, with the right code", "signature_missing", f"t={NOW},v2={GOOD}")
add("scheme in capitals", "signature_missing", f"t={NOW},V1={GOOD}")
add("unknown parts beside the known ones", "accepted", f"t={NOW},x=1,v1={GOOD},note")

# Header
add("no header", "header_missing", None)
add("empty header", "header_missing", "")
add("no time", "timestamp_missing", f"v1={GOOD}")
add("no signature", "signature_missing", f"t={NOW}")
add("time after the signature", "accepted", f"v1={GOOD},t={NOW}")
add("two times, the first is signed", "accepted", f"t={NOW},t={NOW - 1},v1={GOOD}")
add("two times, the second is signed", "mismatch", f"t={NOW - 1},t={NOW},v1={GOOD}")
add("time changed after signing", "mismatch", f"t={NOW - 1},v1={GOOD}")
add("time is a word", "timestamp_malformed", f"t=now,v1={GOOD}")
add("time is empty", "timestamp_malformed", f"t=,v1={GOOD}")
add("time has a fraction", "timestamp_malformed", f"t={NOW}.5,v1={GOOD}")
add("time in hexadecimal", "timestamp_malformed", f"t=0x6ab12345,v1={GOOD}")
add("signature is empty", "mismatch", f"t={NOW},v1=")
add("signature in capitals", "mismatch", f"t={NOW},v1={GOOD.upper()}")
add("signature one digit short", "mismatch", f"t={NOW},v1={GOOD[:-1]}")
add("signature one digit long", "mismatch", f"t={NOW},v1={GOOD}0")
add("last digit of the signature changed", "mismatch", f"t={NOW},v1={GOOD[:-1]}{'0' if GOOD[-1] != '0' else '1'}")
add("first digit of the signature changed", "mismatch", f"t={NOW},v1={'0' if GOOD[0] != '0' else '1'}{GOOD[1:]}")
add("space after the comma", "signature_missing", f"t={NOW}, v1={GOOD}")
add("semicolon instead of comma", "timestamp_malformed", f"t={NOW};v1={GOOD}")
add("comma at the end", "accepted", f"t={NOW},v1={GOOD},")
add("the code of the body without the time", "mismatch",
    f"t={NOW},v1={hmac.new(SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()}")
add("plain SHA-256 instead of an HMAC", "mismatch",
    f"t={NOW},v1={hashlib.sha256(f'{NOW}.{BODY}'.encode()).hexdigest()}")
add("SHA-512 instead of SHA-256", "mismatch", f"t={NOW},v1={code(NOW, BODY, digest=hashlib.sha512)}")
add("SHA-1 instead of SHA-256", "mismatch", f"t={NOW},v1={code(NOW, BODY, digest=hashlib.sha1)}")

names = [vector["name"] for vector in vectors]
assert len(names) == len(set(names)) >= 60

text = json.dumps(vectors, indent=1, ensure_ascii=True) + "\n"
path = pathlib.Path(__file__).with_name("signature_vectors.json")
if "--check" in sys.argv:
    if path.read_text() != text:
        sys.exit("signature_vectors.json is not current: run Tests/Conformance/make_signature_vectors.py")
else:
    path.write_text(text)
    print(f"{len(vectors)} vectors")
