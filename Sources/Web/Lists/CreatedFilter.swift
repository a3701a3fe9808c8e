package import Domain

/// `created=…`, or `created[gte]=…` with gt, lte and lt, in Unix seconds: a moment within a second counts as that second,
/// as callers see it.
package struct CreatedFilter: Decodable, Sendable {
    /// Inclusive.
    package let from: Timestamp?
    /// Exclusive.
    package let before: Timestamp?

    private enum CodingKeys: String, CodingKey {
        case gt, gte, lt, lte
    }

    package init(from decoder: any Decoder) throws {
        if let exact = try? decoder.singleValueContainer().decode(Timestamp.self) {
            from = exact
            before = exact.next
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func bound(_ key: CodingKeys) throws -> Timestamp? {
            try container.decodeIfPresent(Timestamp.self, forKey: key)
        }
        from = [try bound(.gte), try bound(.gt)?.next].compactMap(\.self).max()
        before = [try bound(.lt), try bound(.lte)?.next].compactMap(\.self).min()
    }
}

extension Timestamp {
    /// A second later.
    fileprivate var next: Timestamp { advanced(by: .seconds(1)) }
}
