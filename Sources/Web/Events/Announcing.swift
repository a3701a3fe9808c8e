package import Domain
package import Store

extension StoreTransaction {
    /// Tells the marketplace of a change, in the change's own transaction, with the object as the API answers it.
    ///
    /// The type is in the past tense, family first: `order.refunded`; `about` is the id of the object that changed.
    @discardableResult
    package func announce(_ type: String, about: String, _ object: some Encodable) async throws -> ID<OutboxEvent> {
        try await announce(type, about: about, json: try JSONWriter.encode(object))
    }
}
