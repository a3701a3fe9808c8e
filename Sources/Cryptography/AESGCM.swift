import CLibSSL

/// AES-256 in Galois/Counter mode: how secrets lie in the database.
package enum AESGCM {
    package static let keyByteCount = 32
    package static let nonceByteCount = 12
    package static let tagByteCount = 16

    package enum Failure: Error, Hashable, CustomStringConvertible {
        /// A key must have 32 bytes.
        case keySize(Int)
        /// Shorter than a nonce and a tag.
        case tooShort
        /// Changed, sealed under another key, or sealed in another context.
        case notAuthentic

        package var description: String {
            switch self {
            case .keySize(let count): "an AES-256 key has 32 bytes, this one has \(count)"
            case .tooShort: "the sealed text is shorter than its nonce and tag"
            case .notAuthentic: "the sealed text was changed, or belongs to another key or context"
            }
        }
    }

    /// Seals under a fresh random nonce: nonce, ciphertext, tag. The context is bytes that must be the same on opening,
    /// such as the row's id, so that a sealed value cannot be moved to another row.
    package static func seal(_ plaintext: [UInt8], key: [UInt8], context: [UInt8] = []) throws(Failure) -> [UInt8] {
        let nonce = randomBytes(nonceByteCount)
        let cipher = try Cipher(key: key, nonce: nonce, sealing: true)
        cipher.authenticate(context)
        guard let ciphertext = cipher.transform(plaintext), cipher.finish() else {
            preconditionFailure("libcrypto could not seal")
        }
        return nonce + ciphertext + cipher.tag()
    }

    package static func open(_ sealed: [UInt8], key: [UInt8], context: [UInt8] = []) throws(Failure) -> [UInt8] {
        guard sealed.count >= nonceByteCount + tagByteCount else { throw .tooShort }
        let nonce = Array(sealed.prefix(nonceByteCount))
        let ciphertext = Array(sealed.dropFirst(nonceByteCount).dropLast(tagByteCount))
        let cipher = try Cipher(key: key, nonce: nonce, sealing: false)
        cipher.authenticate(context)
        guard let plaintext = cipher.transform(ciphertext), cipher.expect(tag: Array(sealed.suffix(tagByteCount))),
            cipher.finish()
        else { throw .notAuthentic }
        return plaintext
    }
}

/// One run of the cipher. Non-copyable: the context is freed exactly once.
private struct Cipher: ~Copyable {
    private let context: OpaquePointer

    init(key: [UInt8], nonce: [UInt8], sealing: Bool) throws(AESGCM.Failure) {
        guard key.count == AESGCM.keyByteCount else { throw .keySize(key.count) }
        precondition(nonce.count == AESGCM.nonceByteCount, "a nonce has 12 bytes")
        guard let context = EVP_CIPHER_CTX_new(),
            EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, sealing ? 1 : 0) == 1
        else { preconditionFailure("libcrypto offers no AES-256-GCM") }
        self.context = context
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    func authenticate(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        var count: Int32 = 0
        precondition(
            EVP_CipherUpdate(context, nil, &count, bytes, Int32(bytes.count)) == 1, "libcrypto refused a context")
    }

    func transform(_ bytes: [UInt8]) -> [UInt8]? {
        guard !bytes.isEmpty else { return [] }
        var succeeded = false
        let result = [UInt8](unsafeUninitializedCapacity: bytes.count) { output, written in
            var count: Int32 = 0
            succeeded = EVP_CipherUpdate(context, output.baseAddress, &count, bytes, Int32(bytes.count)) == 1
            written = succeeded ? Int(count) : 0
        }
        return succeeded ? result : nil
    }

    func expect(tag: [UInt8]) -> Bool {
        var tag = tag
        return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
    }

    func finish() -> Bool {
        var rest = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        return EVP_CipherFinal_ex(context, &rest, &count) == 1
    }

    func tag() -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: AESGCM.tagByteCount)
        let read = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag)
        precondition(read == 1, "libcrypto gave no tag")
        return tag
    }
}
