package import Domain

/// Why a person does something by hand, for whoever reads the audit log later: `{"reason":"…"}`.
package struct ReasonBody: Decodable, Sendable {
    package let reason: String

    private enum CodingKeys: String, CodingKey { case reason }

    package init(from decoder: any Decoder) throws {
        reason = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .reason)
        try Self.check(reason)
    }

    package static func check(_ reason: String) throws(Refusal) {
        guard (1...500).contains(reason.unicodeScalars.count) else {
            throw Refusal(.parameterInvalid, "A reason has 1 to 500 characters.", parameter: "reason")
        }
    }
}
