/// An absolute web address to which a person's browser is sent, such as the page that Stripe returns a seller to.
package struct BrowserURL: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package static let maximumLength = 2048

    /// - Parameters:
    ///   - text: as the caller gave it; kept unchanged.
    ///   - requiresHTTPS: Stripe takes plain HTTP in test mode only.
    ///   - parameter: the request's field that holds it.
    /// - Throws: `parameter_invalid`.
    package init(_ text: String, requiresHTTPS: Bool, parameter: String) throws(Refusal) {
        guard text.utf8.count <= Self.maximumLength else {
            throw Refusal(
                .parameterInvalid, "An address has at most \(Self.maximumLength) bytes.", parameter: parameter)
        }
        guard let rest = Self.afterScheme(text, requiresHTTPS: requiresHTTPS) else {
            throw Refusal(
                .parameterInvalid,
                requiresHTTPS
                    ? "Give an address that begins with https://."
                    : "Give an address that begins with https:// or http://.",
                parameter: parameter)
        }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard Self.isHost(authority), text.utf8.allSatisfy(Self.isPrintableASCII) else {
            throw Refusal(
                .parameterInvalid,
                "Give a whole address such as https://shop.example/onboarded, percent-encoded, without a user name.",
                parameter: parameter)
        }
        self.text = text
    }

    package var description: String { text }

    private static func afterScheme(_ text: String, requiresHTTPS: Bool) -> Substring.UTF8View? {
        let lower = text.prefix(8).lowercased()
        if lower.hasPrefix("https://") { return text.dropFirst(8).utf8 }
        if !requiresHTTPS, lower.hasPrefix("http://") { return text.dropFirst(7).utf8 }
        return nil
    }

    /// A name or an address, with a port perhaps. A user name is refused: `https://shop.example@evil.example`.
    private static func isHost(_ authority: Substring.UTF8View) -> Bool {
        guard let first = authority.first, first != UInt8(ascii: ":") else { return false }
        return authority.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
                UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    private static func isPrintableASCII(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "<")
            && byte != UInt8(ascii: ">") && byte != UInt8(ascii: "\\")
    }
}
