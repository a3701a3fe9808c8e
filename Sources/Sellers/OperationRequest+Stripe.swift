import Domain
package import Store
package import StripeAPI

extension OperationRequest {
    /// The bytes of a call, to be written down before they are sent.
    package init(_ request: StripeRequest) {
        self.init(
            method: request.method.rawValue, path: request.path, account: request.account,
            stripeVersion: request.version, body: request.body)
    }
}

extension StripeClient {
    /// Reads an object for `ObjectCopies`. `gone` are the kinds of refusal by which Stripe says that it does not show the
    /// object to us any more; any other is thrown as a `StripeError`.
    package func fetch(
        _ request: StripeRequest, priority: StripePriority, gone: Set<StripeError.Kind> = [.notFound]
    ) async throws -> FetchedObject {
        let answer = try await answer(to: request, priority: priority)
        if answer.isSuccess { return .found(answer.body) }
        let error = StripeError(answer)
        guard gone.contains(error.kind) else { throw error }
        return .gone(because: error.message)
    }

    /// What an operation has made although its answer was lost: reads the whole window in which that may have been, and
    /// compares the operation's id in the metadata. The object itself is then read as if it were the lost answer.
    ///
    /// `isFiltered` is false for a list that Stripe does not narrow by time: it is read whole.
    package func findCreated<Call: StripeListCall>(
        by operation: OperationRecord, in list: Call, isFiltered: Bool = true,
        tellingBy metadata: (Call.Element) -> [String: String],
        read: (Call.Element) -> StripeRequest
    ) async throws -> LookUpResult {
        guard let first = operation.firstSentAt, let last = operation.lastSentAt else { return .notFound }
        var window = list
        if isFiltered {
            window.page.createdFrom = first.advanced(by: .seconds(-300))
            window.page.createdBefore = last.advanced(by: .seconds(3600))
        }
        for try await page in pages(of: window, priority: .operation) {
            for object in page where metadata(object)["souk_operation"] == operation.id.rawValue {
                let found = try await answer(to: read(object), priority: .operation)
                guard found.isSuccess else { throw StripeError(found) }
                return .found(found.body)
            }
        }
        return .notFound
    }
}
