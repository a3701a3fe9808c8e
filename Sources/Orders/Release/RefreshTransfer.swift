package import Domain
import Ledger
import Postgres
import Store
package import StripeAPI

// Transfers of orders' money that somebody made or took back at Stripe without Souk.
extension RefreshOrderPayment {
    /// Reads a transfer and the payment that it came out of, whatever we know of them: for a difference to Stripe.
    package func callAsFunction(_ id: StripeTransferID) async throws {
        let transfer = try await stripe.send(RetrieveTransfer(id), priority: .event)
        try await adopt(transfer, .event)
        guard transfer.soukOrder != nil, let source = transfer.sourceTransaction?.id else { return }
        try await callAsFunction(StripeChargeID(source))
    }

    /// Reads a transfer and what came back of it.
    func refresh(_ id: StripeTransferID, priority: StripePriority) async throws {
        try await adopt(try await stripe.send(RetrieveTransfer(id), priority: priority), priority)
    }

    /// Reads all transfers of an order's group: for a row of Stripe's books of which no event told.
    func refreshTransfers(of order: ID<Order>, priority: StripePriority) async throws {
        let transfers = try await all(ListTransfers(transferGroup: order.rawValue), priority)
        for transfer in transfers { try await adopt(transfer, priority) }
    }

    private func adopt(_ transfer: TransferResource, _ priority: StripePriority) async throws {
        guard let order = transfer.soukOrder else { return }
        var reversals = transfer.reversals?.data ?? []
        if transfer.reversals?.hasMore == true {
            reversals = try await all(ListTransferReversals(transfer: transfer.id), priority)
        }
        try await store.transaction { [reversals] tx in
            guard let locked = try await tx.lockOrder(order) else { return }
            try await tx.adopt(transfer, reversals, of: locked)
        }
    }
}

extension StoreTransaction {
    /// A transfer that no operation of ours made becomes a row of ours; then what came back of it is booked.
    fileprivate func adopt(
        _ transfer: TransferResource, _ reversals: [TransferReversalResource], of order: OrderRecord
    ) async throws {
        // One that gave a seller something again is out of no charge; it belongs to the one that paid the order.
        guard let source = transfer.sourceTransaction.map({ StripeChargeID($0.id) }) ?? order.charge,
            let charge = try await charge(source), charge.order == order.id, let account = transfer.destination?.id,
            let seller: ID<Seller> = try await query(
                "SELECT seller_id FROM seller_accounts WHERE stripe_account = \(account)"
            ).first?.get("seller_id")
        else { return }
        let operation = transfer.metadata["souk_operation"].flatMap { ID<Operation>($0) }
        // A second transfer that names the same operation is none of what that operation did.
        let known = try await query(
            """
            SELECT state, operation_id FROM transfers
            WHERE stripe_id = \(transfer.id) OR operation_id = \(operation) AND stripe_id IS NULL
            ORDER BY stripe_id LIMIT 1
            """
        ).first
        if let known, try known.get("operation_id", as: String?.self) != nil {
            // The operation itself books what it made, as soon as it knows.
            guard try known.get("state", as: String.self) == TransferState.paid.rawValue else { return }
        } else if order.shape != .separate || transfer.sourceTransaction == nil {
            // A destination charge's own comes with the charge.
            return
        } else {
            try await adopt(transfer, to: seller, account, of: charge, isKnown: known != nil)
        }
        guard !reversals.isEmpty else { return }
        try await book(
            reversals, [], of: charge, from: ChargeRecord.Destination(seller: seller, stripeAccount: account))
        // It may have taken what something else had paid already.
        try await returnToSellers(of: order)
    }

    private func adopt(
        _ transfer: TransferResource, to seller: ID<Seller>, _ account: StripeAccountID, of charge: ChargeRecord,
        isKnown: Bool
    ) async throws {
        let amount = Money(transfer.amount, transfer.currency)
        if !isKnown {
            try await execute(
                """
                INSERT INTO transfers (id, stripe_id, state, stripe_account, seller_id, order_id, transfer_group,
                    charge_id, destination_payment, currency, amount_minor, made_at, created_at, updated_at)
                VALUES (\(makeID(Transfer.self)), \(transfer.id), 'paid', \(account), \(seller), \(charge.order),
                    \(transfer.transferGroup), \(charge.id), \(transfer.destinationPayment?.id), \(transfer.currency),
                    \(transfer.amount), \(transfer.created), \(transfer.created), \(now))
                ON CONFLICT (stripe_id) DO NOTHING
                """)
        }
        let dimensions = Dimensions(owner: .platform, seller: seller, order: charge.order)
        let new = try await append([
            try SeparateChargeRules.transferMadeAtStripe(
                transfer.id, seller: seller, amount: amount, dimensions: dimensions, at: transfer.created)
        ])
        guard !new.isEmpty else { return }
        try await awaitRows(AwaitedRow.ofTransfer(transfer.id, to: account))
        try await requestFeed(of: .platform)
        try await requestFeed(of: .connected(account))
        try await noteMadeAtStripe(
            transfer.id.rawValue, amount: amount,
            detail: """
                The transfer \(transfer.id) moved \(amount) of order \(charge.order) to the seller \(seller) without \
                Souk. The seller owes it; the seller's own shares go as they are released.
                """)
    }
}

extension Store {
    /// Whether what an event tells of a separate charge's transfer is in our books already.
    func covers(_ transfer: StripeTransferID, _ type: String, _ hint: PaymentHint) async throws -> Bool {
        if type == "transfer.reversed" {
            let rows = try await query(
                """
                SELECT coalesce(sum(amount_minor), 0)::bigint AS amount FROM transfer_reversals
                WHERE stripe_transfer = \(transfer)
                """)
            return try rows.first?.get("amount", as: Int64.self) ?? 0 >= hint.amountReversed ?? .max
        }
        // What an operation of ours makes, that operation books.
        return try await !query(
            """
            SELECT 1 FROM stripe_operations WHERE id = \(hint.operation)
            UNION ALL SELECT 1 FROM journal_entries WHERE cause = \(Cause.transferMade(transfer).rawValue) LIMIT 1
            """
        ).isEmpty
    }
}

extension TransferResource {
    /// The order whose money it is, if it is Souk's. One that is out of no charge and that no operation of Souk's made was
    /// made by hand: whatever group it names, it is none of the order's money.
    package var soukOrder: ID<Order>? {
        guard sourceTransaction != nil || metadata["souk_operation"] != nil else { return nil }
        return metadata["souk_order"].flatMap { ID($0) } ?? transferGroup.flatMap { ID($0) }
    }
}
