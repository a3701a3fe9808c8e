/// One of Stripe's endpoints with its parameters, and what it answers.
package protocol StripeCall: Sendable {
    associatedtype Answer: Decodable & Sendable
    var request: StripeRequest { get }
}

/// An endpoint that answers in pages.
package protocol StripeListCall<Element>: StripeCall where Answer == List<Element> {
    associatedtype Element: StripeObject
    var page: StripePage { get set }
}

/// An object of Stripe that a list can continue after.
package protocol StripeObject: Codable, Hashable, Sendable {
    /// The object's id as text: the cursor of `starting_after`.
    var cursor: String { get }
}

/// A page of a list, newest first.
package struct List<Element: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    package let data: [Element]
    package let hasMore: Bool
    /// Only in some lists inside of objects.
    package let totalCount: Int?

    package init(data: [Element], hasMore: Bool, totalCount: Int? = nil) {
        self.data = data
        self.hasMore = hasMore
        self.totalCount = totalCount
    }

    private enum CodingKeys: String, CodingKey {
        case data
        case hasMore = "has_more"
        case totalCount = "total_count"
    }
}
