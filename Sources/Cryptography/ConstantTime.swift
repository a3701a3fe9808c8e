import CLibSSL

/// Whether two byte strings are equal, in a time that tells nothing about where they differ (only whether their lengths
/// do, which is no secret for digests and keys).
package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
