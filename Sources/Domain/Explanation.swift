/// An error that has more to say to the person who looks after Souk than to a log: Stripe's own sentence, for instance.
package protocol ExplainedError: Error {
    var explanation: String { get }
}

/// What is stored of an error for that person, with an operation or a parked event: without keys and addresses, and no
/// longer than a screen shows.
package struct Explanation: Hashable, Sendable, CustomStringConvertible {
    package static let maximumLength = 500

    package let description: String

    package init(of error: any Error) {
        self.init((error as? any ExplainedError)?.explanation ?? "\(error)")
    }

    package init(_ text: String) {
        var clean = text
        for secret in Self.secrets { clean.replace(secret, with: "[secret]") }
        clean.replace(Self.mail, with: "[mail]")
        description =
            clean.count > Self.maximumLength ? clean.prefix(Self.maximumLength - 1) + "…" : clean
    }

    /// Keys of Stripe's and ours, webhook secrets, what a browser can pay with, and any header that carries one.
    private static var secrets: [Regex<Substring>] {
        [
            /(?:sk|rk|pk|souk)_(?:live|test)_[A-Za-z0-9*]+/, /whsec_[A-Za-z0-9+\/=]+/,
            /(?:pi|seti|cs)_[A-Za-z0-9_]+_secret_[A-Za-z0-9]+/, /[Bb]earer [A-Za-z0-9._~+\/=-]+/,
        ]
    }
    private static var mail: Regex<Substring> { /[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}/ }
}
