import Domain
import FoundationEssentials
import Ledger
import Postgres
import Sellers
import Store
import StripeAPI

extension RunReconciliation {
    /// Compares one object with Stripe again, as the part of a run does that found it.
    /// - Returns: what differs now, of whatever kind; nothing where both sides agree.
    func look(at finding: FindingRecord) async throws -> [FindingFacts] {
        switch (finding.part, finding.kind) {
        case (.transfers, _): try await transferDifferences(at: finding.object)
        case (.payouts, _): try await payoutDifferences(at: finding.object, of: finding.owner)
        case (.balances, _):
            try await stillReading(of: finding.owner).findings(about: finding.owner)
                .filter { $0.currency == finding.currency }
        case (.clearing, .clearingNotZero), (.clearing, .unknownBalanceTransaction):
            try await openSubjects(only: finding.object)
        case (.clearing, _): try await rowDifferences(at: finding.object, of: finding.owner)
        case (.operations, .stuckOperation): try await stuckOperations(only: finding.object)
        case (.operations, .missingAtStripe): try await absence(behind: finding)
        case (.operations, _): try await operationDifferences(at: finding)
        case (.all, _), (nil, _): []
        }
    }

    private func transferDifferences(at id: String) async throws -> [FindingFacts] {
        let fetched = try await stripe.fetch(
            RetrieveTransfer(StripeTransferID(id)).request, priority: .reconciliation)
        let ours = try await localTransfers(where: "stripe_id = \(id)")[id]
        guard case .found(let bytes) = fetched else { return ours.map { [Self.missingAtStripe(id, $0)] } ?? [] }
        let remote = try StripeAnswer(status: 200, body: bytes).decode(TransferResource.self)
        let booked = try await bookedTransfers([id])[id]
        return [Self.difference(remote, ours: ours, booked: booked)].compactMap(\.self)
    }

    private func payoutDifferences(at id: String, of owner: BalanceOwner) async throws -> [FindingFacts] {
        let fetched = try await stripe.fetch(
            RetrievePayout(StripePayoutID(id), account: owner.stripeAccount).request, priority: .reconciliation)
        let ours = try await localPayouts(of: owner, where: "p.stripe_id = \(id)")[id]
        guard case .found(let bytes) = fetched else {
            return ours.map { [Self.missingAtStripe(id, $0, of: owner)] } ?? []
        }
        let remote = try StripeAnswer(status: 200, body: bytes).decode(PayoutResource.self)
        return [Self.difference(remote, of: owner, ours: ours)].compactMap(\.self)
    }

    private func rowDifferences(at id: String, of owner: BalanceOwner) async throws -> [FindingFacts] {
        let call = RetrieveBalanceTransaction(StripeBalanceTransactionID(id), account: owner.stripeAccount)
        let fetched = try await stripe.fetch(call.request, priority: .reconciliation)
        let ours = try await localRows(of: owner, where: "b.id = \(id)")[id]
        guard case .found(let bytes) = fetched else {
            return ours.map { [Self.missingAtStripe(id, $0, of: owner)] } ?? []
        }
        let remote = try StripeAnswer(status: 200, body: bytes).decode(BalanceTransactionResource.self)
        return [Self.difference(remote, of: owner, ours: ours)].compactMap(\.self)
    }

    /// Of an operation whose object Stripe did not have.
    private func absence(behind finding: FindingRecord) async throws -> [FindingFacts] {
        let rows = try await store.query(
            """
            SELECT id, stripe_id, path FROM stripe_operations
            WHERE id = \(finding.operation) AND stripe_id = \(finding.object) AND state = 'succeeded'
            """)
        guard let operation = try rows.first.map(MakingOperation.init),
            let product = OperationProduct(of: finding.object),
            try await shown(finding.object, product, of: finding.owner, parent: finding.parent) == nil
        else { return [] }
        return [operation.withoutObject(of: finding.owner, parent: finding.parent)]
    }

    private func operationDifferences(at finding: FindingRecord) async throws -> [FindingFacts] {
        guard let product = OperationProduct(of: finding.object),
            let shown = try await shown(finding.object, product, of: finding.owner, parent: finding.parent)
        else { return [] }
        var tally = Tally()
        return try await differences(
            among: [
                MadeObject(
                    finding.object, shown.metadata ?? [:], shown.money, at: shown.created ?? finding.createdAt,
                    of: finding.parent)
            ], product, of: finding.owner, &tally)
    }

    /// What every object that an operation makes has in common.
    private struct ShownObject: Decodable {
        let metadata: [String: String]?
        let amount: Int64?
        let currency: Currency?
        let created: Timestamp?

        var money: Money? { amount.flatMap { amount in currency.map { Money(amount, $0) } } }
    }

    /// - Returns: nil if Stripe does not have it.
    private func shown(
        _ id: String, _ product: OperationProduct, of owner: BalanceOwner, parent: String?
    ) async throws -> ShownObject? {
        guard let request = product.reading(id, of: owner, parent: parent),
            case .found(let bytes) = try await stripe.fetch(request, priority: .reconciliation)
        else { return nil }
        return try JSONDecoder().decode(ShownObject.self, from: Data(bytes))
    }
}
