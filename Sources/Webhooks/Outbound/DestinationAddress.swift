package import Domain
import Transport

/// Which addresses Souk may deliver events to.
///
/// What a URL says can be checked when it is given; where a name leads can change at any time, so the address itself is
/// checked again with every connection, by a client that only reaches public ones.
package struct DestinationRules: Sendable {
    /// Plain HTTP and private, loopback and link-local addresses: for one's own machine and tests.
    package let allowsPrivate: Bool

    package init(allowsPrivate: Bool) {
        self.allowsPrivate = allowsPrivate
    }

    /// - Throws: `parameter_invalid` for what is no usable URL, `address_refused` for one that may not be reached.
    package func check(_ url: String) throws(Refusal) {
        let parts = try URLParts(url)
        guard parts.scheme == "https" || (allowsPrivate && parts.scheme == "http") else {
            throw Self.refusal("An event destination must be reached by https.")
        }
        guard !allowsPrivate else { return }
        if let address = PeerAddress(parts.host) {
            guard address.isPublic else {
                throw Self.refusal("\(parts.host) is not an address of the open internet.")
            }
            return
        }
        let labels = parts.host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, let last = labels.last, !last.isEmpty,
            !Self.privateSuffixes.contains(String(last)), !last.utf8.allSatisfy(Self.isNumeral),
            !parts.host.hasSuffix(".home.arpa")
        else {
            throw Self.refusal("\(parts.host) is not a name of the open internet.")
        }
    }

    private static func refusal(_ fault: String) -> Refusal {
        Refusal(
            .addressRefused,
            "\(fault) Give a public https address, or allow others with SOUK_ALLOW_PRIVATE_ADDRESSES=1.",
            parameter: "url")
    }

    private static let privateSuffixes: Set<String> = [
        "localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "test", "invalid", "example",
        "onion", "arpa",
    ]

    /// A last label of digits makes a name an IPv4 address in disguise, `0x7f.1` too.
    private static func isNumeral(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "x")
    }
}

/// The parts of an absolute URL that decide where it leads.
private struct URLParts {
    let scheme: String
    /// In lower case; an IPv6 address without its brackets.
    let host: String

    init(_ url: String) throws(Refusal) {
        func refuse(_ message: String) -> Refusal { Refusal(.parameterInvalid, message, parameter: "url") }
        guard (1...2048).contains(url.utf8.count), url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !url.contains("\\")
        else { throw refuse("A URL has 1 to 2048 printable ASCII characters and no backslash.") }
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else {
            throw refuse("A URL begins with https://.")
        }
        scheme = url[..<colon].lowercased()
        let rest = url[url.index(colon, offsetBy: 3)...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !rest.contains("#") else { throw refuse("A URL for events has no fragment.") }
        guard !authority.contains("@") else { throw refuse("A URL for events holds no user name or password.") }
        let portText: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw refuse("The IPv6 address does not end.") }
            host = authority[authority.index(after: authority.startIndex)..<end].lowercased()
            guard PeerAddress(host) != nil else { throw refuse("The text in brackets is no IPv6 address.") }
            portText = authority[authority.index(after: end)...]
        } else {
            let name = authority.prefix { $0 != ":" }
            host = name.lowercased()
            portText = authority[name.endIndex...]
            guard !host.isEmpty, host.utf8.allSatisfy(Self.isHostCharacter) else {
                throw refuse("The host '\(host)' is no host name. Write international names in their xn-- form.")
            }
        }
        if !portText.isEmpty {
            guard portText.hasPrefix(":"), let port = Int(portText.dropFirst()), (1...65535).contains(port) else {
                throw refuse("The port is not a number from 1 to 65535.")
            }
        }
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
