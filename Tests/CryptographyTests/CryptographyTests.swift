import Cryptography
import Testing

@Suite struct SHA256Tests {
    @Test(
        "FIPS 180-2 examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func published(text: String, digest: String) {
        #expect(Hex.encode(SHA256.hash(text.utf8)) == digest)
        var pieces = SHA256()
        for byte in text.utf8 { pieces.update([byte]) }
        #expect(Hex.encode(pieces.finalize()) == digest)
    }
}

@Suite struct HMACSHA256Tests {
    @Test(
        "RFC 4231 examples",
        arguments: [
            (
                [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                [UInt8](repeating: 0xaa, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ])
    func published(key: [UInt8], message: [UInt8], code: String) {
        #expect(Hex.encode(HMACSHA256.authenticate(key: key, message: message)) == code)
        var pieces = HMACSHA256(key: key)
        for byte in message { pieces.update([byte]) }
        #expect(Hex.encode(pieces.finalize()) == code)
    }

    @Test("codes made while other threads take and return memory")
    func manyAtOnce() async {
        let code = HMACSHA256.authenticate(key: [1], message: [2])
        let wrong = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<20_000).count { _ in HMACSHA256.authenticate(key: [1], message: [2]) != code }
                }
                group.addTask {
                    (0..<200_000).count { [UInt8](repeating: 0xff, count: $0 % 32).count > 32 }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }
}

@Suite struct TextTests {
    @Test("hexadecimal text goes both ways and refuses the rest")
    func hex() {
        let bytes = (0...255).map(UInt8.init)
        #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        #expect(Hex.decode("DEADbeef") == [0xde, 0xad, 0xbe, 0xef])
        #expect(Hex.decode("abc") == nil)
        #expect(Hex.decode("0g") == nil)
        #expect(Hex.decode("é") == nil)
    }

    @Test(
        "RFC 4648 examples without padding",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(plain: String, encoded: String) {
        #expect(Base64URL.encode(plain.utf8) == encoded)
        #expect(Base64URL.decode(encoded) == Array(plain.utf8))
    }

    @Test("base 64 text that nobody wrote is refused", arguments: ["Z", "Zg==", "Zh", "Zm9", "a+b/", "a b", "é"])
    func refused(text: String) { #expect(Base64URL.decode(text) == nil) }

    @Test func base64UsesTheAlphabetForAddresses() { #expect(Base64URL.encode([0xfb, 0xff, 0xfe]) == "-__-") }

    @Test func comparison() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
    }

    @Test func randomBytesDiffer() {
        #expect(randomBytes(0).isEmpty)
        #expect(randomBytes(32).count == 32)
        #expect(Set((0..<100).map { _ in randomBytes(16) }).count == 100)
    }
}

@Suite struct AESGCMTests {
    private let key = [UInt8](repeating: 7, count: 32)

    @Test("what was sealed opens only unchanged, under its key, in its context")
    func roundTrip() throws {
        for plaintext in [[], Array("whsec_secret".utf8), randomBytes(5000)] {
            let sealed = try AESGCM.seal(plaintext, key: key, context: [1, 2])
            #expect(sealed.count == plaintext.count + 28)
            #expect(try AESGCM.open(sealed, key: key, context: [1, 2]) == plaintext)
            #expect(throws: AESGCM.Failure.notAuthentic) { try AESGCM.open(sealed, key: key, context: [1, 3]) }
            #expect(throws: AESGCM.Failure.notAuthentic) {
                try AESGCM.open(sealed, key: [UInt8](repeating: 8, count: 32), context: [1, 2])
            }
            for index in [0, 12, sealed.count - 1] where index < sealed.count {
                var changed = sealed
                changed[index] ^= 1
                #expect(throws: AESGCM.Failure.notAuthentic) { try AESGCM.open(changed, key: key, context: [1, 2]) }
            }
        }
    }

    @Test("a sealed text made by another program opens (NIST GCM test case 14)")
    func published() throws {
        let sealed =
            [UInt8](repeating: 0, count: 12)
            + (Hex.decode("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919") ?? [])
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(try AESGCM.open(sealed, key: zero) == [UInt8](repeating: 0, count: 16))
    }

    @Test func refusals() {
        #expect(throws: AESGCM.Failure.keySize(16)) { try AESGCM.seal([1], key: [UInt8](repeating: 0, count: 16)) }
        #expect(throws: AESGCM.Failure.tooShort) { try AESGCM.open([UInt8](repeating: 0, count: 27), key: key) }
    }

    @Test("sealing twice never gives the same bytes")
    func freshNonce() throws { #expect(try AESGCM.seal([1], key: key) != AESGCM.seal([1], key: key)) }
}
