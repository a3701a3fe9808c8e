/// Which part of a list the caller wants. Lists run from the newest to the oldest, by id.
package struct PageRequest: Hashable, Sendable {
    /// How many rows at most: 1 to 100.
    package let limit: Int
    package let cursor: PageCursor

    package init(limit: Int = PageRequest.defaultLimit, cursor: PageCursor = .newest) {
        self.limit = limit
        self.cursor = cursor
    }

    package static let defaultLimit = 10
    package static let maximumLimit = 100

    /// What the query must ask for: one row more than the page, which tells whether more exist.
    package var rowsToFetch: Int { limit + 1 }
}

package enum PageCursor: Hashable, Sendable {
    /// From the newest on.
    case newest
    /// The rows that come after this id in the list, so older ones.
    case after(String)
    /// The rows that come before this id in the list, so newer ones: those nearest to it.
    case before(String)
}

/// A part of a list, newest first.
package struct Page<Element> {
    package let elements: [Element]
    /// Whether rows remain past this page, in the direction that was asked for.
    package let hasMore: Bool

    package init(elements: [Element], hasMore: Bool) {
        self.elements = elements
        self.hasMore = hasMore
    }

    /// Cuts what a keyset query returned to the page that was asked for.
    /// - Parameters:
    ///   - fetched: up to `rowsToFetch` rows, in the order that the cursor reads: newest first, but oldest first for
    ///     `.before`.
    ///   - request: what was asked for.
    package init(fetched: [Element], for request: PageRequest) {
        let kept = Array(fetched.prefix(request.limit))
        hasMore = fetched.count > request.limit
        if case .before = request.cursor { elements = kept.reversed() } else { elements = kept }
    }

    package func map<Other>(_ transform: (Element) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(elements: try elements.map(transform), hasMore: hasMore)
    }
}

extension Page: Sendable where Element: Sendable {}
