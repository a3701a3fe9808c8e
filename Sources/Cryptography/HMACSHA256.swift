import CLibSSL

/// HMAC with SHA-256: what Stripe signs its webhooks with, and Souk its own deliveries.
package struct HMACSHA256: ~Copyable {
    package static let byteCount = 32

    private let context: OpaquePointer

    package init(key: [UInt8]) {
        guard let context = EVP_MAC_CTX_new(Self.algorithm.pointer) else {
            preconditionFailure("libcrypto has no memory for an HMAC")
        }
        self.context = context
        // An empty key is a key; a null pointer would mean "the key of before", so the address is never null.
        let padded = key.isEmpty ? [0] : key
        let begun = EVP_MAC_init(context, padded, key.count, Self.algorithm.parameters)
        precondition(begun == 1, "libcrypto offers no HMAC with SHA-256")
    }

    deinit { EVP_MAC_CTX_free(context) }

    package mutating func update(_ bytes: some Sequence<UInt8>) {
        let context = context
        let accepted = bytes.withContiguousBytes { EVP_MAC_update(context, $0.baseAddress, $0.count) }
        precondition(accepted == 1, "libcrypto refused bytes for an HMAC")
    }

    package consuming func finalize() -> [UInt8] {
        let context = context
        return [UInt8](unsafeUninitializedCapacity: Self.byteCount) { code, count in
            let done = EVP_MAC_final(context, code.baseAddress, &count, Self.byteCount)
            precondition(done == 1 && count == Self.byteCount, "libcrypto lost an HMAC")
        }
    }

    package static func authenticate(key: [UInt8], message: some Sequence<UInt8>) -> [UInt8] {
        var code = HMACSHA256(key: key)
        code.update(message)
        return code.finalize()
    }

    /// The provider lookup behind `EVP_MAC_fetch` costs more than a short HMAC, so it is done once.
    private static let algorithm = Algorithm()

    /// `@unchecked Sendable`: an `EVP_MAC` is constant after it was fetched and libcrypto counts its references atomically.
    private final class Algorithm: @unchecked Sendable {
        let pointer: OpaquePointer
        /// They hold pointers to their texts, which must outlive them: a `String` lends its own for one call only.
        let parameters = [
            OSSL_PARAM_construct_utf8_string(constant("digest"), constant("SHA256"), 0), OSSL_PARAM_construct_end(),
        ]

        init() {
            guard let pointer = EVP_MAC_fetch(nil, "HMAC", nil) else {
                preconditionFailure("libcrypto offers no HMAC")
            }
            self.pointer = pointer
        }

        deinit { EVP_MAC_free(pointer) }

        private static func constant(_ text: StaticString) -> UnsafeMutablePointer<CChar> {
            UnsafeMutablePointer(mutating: UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self))
        }
    }
}
