/// The pages of a list, one after the other, newest first.
///
/// Objects that appear meanwhile are at the newest end: reading by `starting_after` neither repeats nor skips any that
/// existed at the beginning.
package struct StripePages<Call: StripeListCall>: AsyncSequence {
    package typealias Element = [Call.Element]

    let client: StripeClient
    let call: Call
    let priority: StripePriority

    package func makeAsyncIterator() -> Iterator { Iterator(client: client, next: call, priority: priority) }

    package struct Iterator: AsyncIteratorProtocol {
        let client: StripeClient
        var next: Call?
        let priority: StripePriority

        package mutating func next() async throws -> [Call.Element]? {
            guard var call = next else { return nil }
            let list = try await client.send(call, priority: priority)
            if list.hasMore, let last = list.data.last {
                call.page.startingAfter = last.cursor
                next = call
            } else {
                next = nil
            }
            return list.data.isEmpty ? nil : list.data
        }
    }
}

extension StripeClient {
    /// Reads a list page by page from the page that the call names.
    package func pages<Call: StripeListCall>(
        of call: Call, priority: StripePriority = .caller
    ) -> StripePages<Call> {
        StripePages(client: self, call: call, priority: priority)
    }
}
