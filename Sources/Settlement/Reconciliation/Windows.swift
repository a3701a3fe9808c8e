import Domain
import Ledger
import Postgres
import StripeAPI

/// A stretch of time of which Stripe's objects are compared with ours; nil leaves an end open.
struct Window: Hashable, Sendable {
    let after: Timestamp?
    let upTo: Timestamp?
    /// Where the whole list begins and ends.
    let from: Timestamp?
    let before: Timestamp?

    func after(_ middle: Timestamp) -> Window { Window(after: middle, upTo: upTo, from: from, before: before) }
    func upTo(_ middle: Timestamp) -> Window { Window(after: after, upTo: middle, from: from, before: before) }

    /// That a column lies in it.
    func holds(_ column: String) -> PostgresQuery {
        var condition: PostgresQuery = "true"
        if let after { condition += " AND \(unescaped: column) > \(after)" }
        if let upTo { condition += " AND \(unescaped: column) <= \(upTo)" }
        if let from { condition += " AND \(unescaped: column) >= \(from)" }
        if let before { condition += " AND \(unescaped: column) < \(before)" }
        return condition
    }
}

extension RunReconciliation {
    /// Hands over what a list of Stripe's has of the run's time, newest first, in windows in which ours can be read too, so
    /// that memory does not grow with the list. Before the opening of the owner's books and from `youngest` on nothing is
    /// compared.
    ///
    /// Times tie: the objects of the oldest second of a window wait for the next window.
    /// - Returns: how long it waited for Stripe.
    func eachWindow<Call: StripeListCall>(
        of call: Call, owner: BalanceOwner = .platform, created: (Call.Element) -> Timestamp,
        before youngest: Timestamp? = nil,
        _ run: ReconciliationRecord, _ compare: (_ remote: [Call.Element], _ window: Window) async throws -> Void
    ) async throws -> Duration {
        let end = [run.to, youngest].compactMap(\.self).min()
        let start = [run.from, try await store.opening(of: owner)].compactMap(\.self).max()
        var call = call
        call.page.createdFrom = start
        call.page.createdBefore = end
        call.page.limit = min(call.page.limit, windowSize)
        var pages = stripe.pages(of: call, priority: .reconciliation).makeAsyncIterator()
        var fetching = Duration.zero
        var upper: Timestamp?
        var read: [Call.Element] = []
        var leased = ContinuousClock.now
        while true {
            let began = ContinuousClock.now
            let page = try await pages.next()
            fetching += ContinuousClock.now - began
            guard let page else { break }
            read += page
            if ContinuousClock.now - leased > .seconds(Self.leaseSeconds / 4) {
                try await extendLease(run)
                leased = ContinuousClock.now
            }
            guard read.count >= windowSize, let newest = read.first.map(created), let oldest = page.last.map(created),
                oldest != newest
            else { continue }
            let whole = read.prefix { created($0) > oldest }
            read.removeFirst(whole.count)
            try await compare(Array(whole), Window(after: oldest, upTo: upper, from: start, before: end))
            upper = oldest
        }
        try await compare(read, Window(after: nil, upTo: upper, from: start, before: end))
        return fetching
    }
}
