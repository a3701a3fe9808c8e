import Cryptography

/// An API key: `souk_test_` or `souk_live_`, then 256 random bits in base 64. Only its digest is stored.
package struct APIKeyText: Sendable {
    package let text: String
    package let livemode: Bool

    private static let livePrefix = "souk_live_"
    private static let testPrefix = "souk_test_"

    package static func generate(livemode: Bool) -> APIKeyText {
        APIKeyText(
            text: (livemode ? livePrefix : testPrefix) + Base64URL.encode(randomBytes(32)), livemode: livemode)
    }

    /// - Returns: nil for text that is no key of ours. Keys that an operator chose need 32 characters after the prefix.
    package init?(_ text: String) {
        let livemode: Bool
        if text.hasPrefix(Self.livePrefix) {
            livemode = true
        } else if text.hasPrefix(Self.testPrefix) {
            livemode = false
        } else {
            return nil
        }
        guard (42...255).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.init(text: text, livemode: livemode)
    }

    private init(text: String, livemode: Bool) {
        self.text = text
        self.livemode = livemode
    }

    package var hash: [UInt8] { SHA256.hash(Array(text.utf8)) }
    package var hint: String { String(text.suffix(4)) }
}
