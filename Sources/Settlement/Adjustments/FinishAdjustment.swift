import Domain
import Ledger
import Orders
import Postgres
import Sellers
package import Store
package import StripeAPI

extension OperationKind {
    static let transferAdjustment = OperationKind(rawValue: "transfer_adjustment")
}

/// Sees `transfer_adjustment` to its end: a plain transfer, out of no charge, which Stripe makes only while the platform's
/// balance has it available.
package struct FinishAdjustment: OperationHandler {
    let stripe: StripeClient
    let balance: ReadPlatformBalance
    package let kind = OperationKind.transferAdjustment
    package let letsMoneyOut = true
    package let provingEvents = ["transfer.created"]

    /// Sales settle and top-ups arrive: what was too little may be enough by then.
    private static let pauseWhileShort: Duration = .seconds(3600)
    /// A seller's readiness is looked at as soon as it changes; this is for what no event told.
    private static let pauseForReadiness: Duration = .seconds(24 * 3600)

    package init(stripe: StripeClient, balance: ReadPlatformBalance) {
        self.stripe = stripe
        self.balance = balance
    }

    /// What is owed to sellers and tax offices, this adjustment among it, lies in the same balance: a gift to one is not
    /// paid with the money of others.
    package func obstacle(before operation: OperationRecord) async throws -> Preparation? {
        let currency: Currency? = try await balance.store.query(
            "SELECT currency FROM adjustments WHERE id = \(operation.subject)"
        ).first?.get("currency")
        guard let currency else { throw AdjustmentError.missing(operation.subject) }
        guard let there = try await balance().first(where: { $0.currency == currency }), there.payoutLimit < 0 else {
            return nil
        }
        let available = Money(there.available, currency)
        let owed = Money(there.available - there.payoutLimit, currency)
        return .stay(
            because: "the platform's available balance is too low: it has \(available) and owes \(owed) of it",
            until: try await balance.store.clock.now().advanced(by: Self.pauseWhileShort))
    }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        let adjustment = try await tx.lockAdjustment(of: operation)
        guard adjustment.transferState == .held, adjustment.bookedAt != nil else {
            return .fail(because: "the adjustment is \(adjustment.status.rawValue)")
        }
        guard let seller = try await tx.sellerForShare(adjustment.seller) else {
            throw AdjustmentError.missing(adjustment.seller.rawValue)
        }
        if let obstacle = seller.obstacleToTransfer {
            return .stay(
                because: "the seller cannot be paid: \(obstacle.message)",
                until: tx.now.advanced(by: Self.pauseForReadiness), waitingFor: seller.id.rawValue)
        }
        guard let account = seller.stripeAccount else { throw AdjustmentError.missing(adjustment.seller.rawValue) }
        try await tx.execute(
            """
            UPDATE transfers SET state = 'pending', amount_minor = \(adjustment.amount.minorUnits),
                payable_minor = \(adjustment.amount.minorUnits), stripe_account = \(account), updated_at = \(tx.now)
            WHERE id = \(adjustment.transfer)
            """)
        return .request(
            OperationRequest(
                CreateTransfer(
                    amount: adjustment.amount, destination: account, sourceTransaction: nil,
                    transferGroup: adjustment.id.rawValue,
                    metadata: ["souk_adjustment": adjustment.id.rawValue, "souk_operation": operation.id.rawValue]
                ).request))
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let made = try StripeAnswer(status: 200, body: answer).decode(TransferResource.self)
        let adjustment = try await tx.lockAdjustment(of: operation)
        guard made.amount == adjustment.amount.minorUnits, made.currency == adjustment.amount.currency else {
            throw AdjustmentError.differs(
                made.id, expected: adjustment.amount, actual: made.amount, currency: made.currency)
        }
        try await tx.execute(
            """
            UPDATE transfers SET state = 'paid', stripe_id = \(made.id),
                destination_payment = \(made.destinationPayment?.id), made_at = \(made.created), updated_at = \(tx.now)
            WHERE id = \(adjustment.transfer)
            """)
        try await tx.book(adjustment.id)
        try await tx.awaitRows(AwaitedRow.ofTransfer(made.id, to: adjustment.stripeAccount))
        try await tx.requestFeed(of: .platform)
        try await tx.requestFeed(of: .connected(adjustment.stripeAccount))
        try await tx.announce("transfer.created", adjustment.transfer)
        return made.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        let adjustment = try await tx.lockAdjustment(of: operation)
        let retry = tx.now.advanced(by: Self.pauseWhileShort)
        let after: AfterRefusal
        switch refusal.code {
        case "parameter_invalid_integer", "parameter_unknown", "parameter_missing":
            // Its amount stays as it is until a person has looked.
            return .review("Stripe refused the transfer: \(refusal.message)")
        case "balance_insufficient":
            after = .hold(because: "the platform's balance at Stripe is too low: \(refusal.message)", until: retry)
        default:
            after = .hold(
                because: "Stripe refused the transfer: \(refusal.message)", until: retry,
                waitingFor: adjustment.seller.rawValue)
        }
        try await tx.execute(
            """
            UPDATE transfers SET state = 'held', amount_minor = NULL, payable_minor = NULL, updated_at = \(tx.now)
            WHERE id = \(adjustment.transfer)
            """)
        return after
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let destination = operation.formValue(of: "destination") else {
            return .impossible(because: "the operation names no destination")
        }
        return try await stripe.findCreated(
            by: operation,
            in: ListTransfers(destination: StripeAccountID(destination), transferGroup: operation.subject),
            tellingBy: \.metadata
        ) { RetrieveTransfer($0.id).request }
    }

    /// The seller is owed it from now on.
    package func approved(_ operation: OperationRecord, in tx: StoreTransaction) async throws {
        let adjustment = try await tx.lockAdjustment(of: operation)
        try await tx.execute(
            "UPDATE adjustments SET booked_at = \(tx.now) WHERE id = \(adjustment.id) AND booked_at IS NULL")
        try await tx.book(adjustment.id)
    }

    /// Nothing was owed by it yet.
    package func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws {
        let adjustment = try await tx.lockAdjustment(of: operation)
        try await tx.execute(
            """
            UPDATE transfers SET state = 'canceled', amount_minor = NULL, payable_minor = 0, updated_at = \(tx.now)
            WHERE id = \(adjustment.transfer)
            """)
        try await tx.announce("transfer.canceled", adjustment.transfer)
    }
}

extension StoreTransaction {
    fileprivate func lockAdjustment(of operation: OperationRecord) async throws -> AdjustmentRecord {
        let rows = try await query(AdjustmentRecord.query(where: "a.id = \(operation.subject) FOR UPDATE OF t"))
        guard let row = rows.first else { throw AdjustmentError.missing(operation.subject) }
        return try AdjustmentRecord(row: row)
    }
}
