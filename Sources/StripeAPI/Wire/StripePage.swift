package import Domain

/// Which part of a list to read. Lists come newest first.
package struct StripePage: Hashable, Sendable {
    /// 1 to 100; Stripe's own default of 10 costs ten times the calls.
    package var limit: Int
    /// The id of the last object of the page before, to read older ones.
    package var startingAfter: String?
    /// Inclusive.
    package var createdFrom: Timestamp?
    /// Exclusive.
    package var createdBefore: Timestamp?

    package init(
        limit: Int = 100,
        startingAfter: String? = nil,
        createdFrom: Timestamp? = nil,
        createdBefore: Timestamp? = nil
    ) {
        self.limit = limit
        self.startingAfter = startingAfter
        self.createdFrom = createdFrom
        self.createdBefore = createdBefore
    }
}
