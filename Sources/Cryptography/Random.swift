import CLibSSL

/// Bytes that nobody can guess, from libcrypto's generator.
package func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, written in
        // Without entropy there are no keys: going on with guessable bytes would be worse than stopping.
        precondition(count == 0 || RAND_bytes(bytes.baseAddress, Int32(count)) == 1, "libcrypto has no entropy")
        written = count
    }
}
