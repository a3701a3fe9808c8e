package import Domain

/// The right to work on one `Idempotency-Key`: held by one try at a time, for the length of its lease.
package struct IdempotencyClaim: Hashable, Sendable {
    package let apiKeyID: ID<APIKey>
    /// Method and path template: `POST /v1/orders/{id}/refunds`.
    package let route: String
    /// The caller's own text, at most 255 characters.
    package let key: String
    /// Counts the tries: an older one can neither bind a subject nor store an answer any more.
    package let fence: Int64
    /// The id of the object that an earlier try has made already: continue with it and make no second one.
    package let subject: String?

    package init(apiKeyID: ID<APIKey>, route: String, key: String, fence: Int64, subject: String?) {
        self.apiKeyID = apiKeyID
        self.route = route
        self.key = key
        self.fence = fence
        self.subject = subject
    }
}
