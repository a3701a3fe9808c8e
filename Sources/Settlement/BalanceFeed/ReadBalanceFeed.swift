import Domain
package import Ledger
import Orders
import Postgres
package import Store
package import StripeAPI

/// Reads the rows that Stripe booked in one balance since it was last read, and books each once.
package struct ReadBalanceFeed: Sendable {
    /// Rows show late and their times tie: a thorough reading goes back this far.
    static let overlap: Duration = .seconds(24 * 3600)

    let store: Store
    let stripe: StripeClient
    let priority: StripePriority

    package init(store: Store, stripe: StripeClient, priority: StripePriority = .event) {
        self.store = store
        self.stripe = stripe
        self.priority = priority
    }

    /// Reads down to the first page whose oldest row is known; a thorough reading goes a whole day back instead.
    /// Returns how many rows were new.
    package func callAsFunction(_ owner: BalanceOwner, thorough: Bool) async throws -> Int {
        let seller = try await seller(of: owner)
        let opening = try await store.opening(of: owner)
        var new = 0
        // Oldest first: what is stored is then always everything up to some row, also after a crash in between.
        for page in try await unreadPages(of: owner, since: opening, thorough: thorough).reversed() {
            let rows = try await resolve(page.reversed(), owner: owner, seller: seller, opening: opening)
            new += try await store.transaction { tx in
                try await tx.saveTransfers(page, owner: owner)
                let recorded = try await tx.record(rows)
                try await tx.updateReversedAmounts(page.filter { recorded.contains($0.id) }, owner: owner)
                try await tx.awaitRows(
                    page.flatMap { AwaitedRow.following($0.source, of: owner, category: $0.reportingCategory) })
                try await tx.crossOffAwaitedRows(of: owner)
                try await tx.awaitEntries(behind: rows, of: owner)
                // boundary: before_rows_commit
                return recorded.count
            }
        }
        return new
    }

    /// Newest first, as Stripe lists them.
    private func unreadPages(
        of owner: BalanceOwner, since opening: Timestamp?, thorough: Bool
    ) async throws -> [[BalanceTransactionResource]] {
        var call = ListBalanceTransactions(account: owner.stripeAccount, expand: ["data.source"])
        call.page.createdFrom = opening
        if thorough, let last = try await store.lastRowTime(of: owner)?.advanced(by: .zero - Self.overlap) {
            call.page.createdFrom = max(last, opening ?? last)
        }
        var pages: [[BalanceTransactionResource]] = []
        for try await page in stripe.pages(of: call, priority: priority) {
            let known = try await store.knownRows(page.map(\.id), of: owner)
            let unread = page.filter { !known.contains($0.id) }
            if !unread.isEmpty { pages.append(unread) }
            // Rows are stored oldest first, so all that is older than a known one is known.
            if !thorough, let oldest = page.last, known.contains(oldest.id) { break }
        }
        return pages
    }

    func seller(of owner: BalanceOwner) async throws -> ID<Seller>? {
        guard let account = owner.stripeAccount else { return nil }
        return try await store.query("SELECT seller_id FROM seller_accounts WHERE stripe_account = \(account)").first?
            .get("seller_id")
    }

    /// Finds out what each row is about, asking Stripe only for objects that nothing here tells of.
    func resolve(
        _ page: [BalanceTransactionResource], owner: BalanceOwner, seller: ID<Seller>?, opening: Timestamp?
    ) async throws -> [StoredRow] {
        var known = try await store.knownObjects(behind: page)
        if let opening {
            known.external.formUnion(try await store.payouts(of: page, sentBefore: opening, owner: owner))
        }
        var rows: [StoredRow] = []
        for resource in page {
            if case .transfer(let transfer) = resource.source, let order = transfer.soukOrder {
                known.add(
                    KnownObjects.Transfer(id: transfer.cursor, order: order), charge: transfer.sourceTransaction?.id,
                    payment: transfer.destinationPayment?.id)
            }
            let resolved = try await settle(resource, owner: owner, known: &known)
            if case .charge(let charge) = resource.source, let order = resolved.order {
                known.orders[charge.cursor] = order
            }
            if case .transfer(let transfer) = resolved.subject, let fee = resolved.fee {
                known.feesOfTransfers[transfer] = fee
            }
            if case .applicationFee(let fee) = resolved.subject, let order = resolved.order {
                known.orders[fee] = order
            }
            rows.append(
                StoredRow(resource, owner: owner, seller: seller, resolved.subject, resolved.order, resolved.fee))
        }
        return rows
    }

    private func settle(
        _ resource: BalanceTransactionResource, owner: BalanceOwner, known: inout KnownObjects
    ) async throws -> (subject: BalanceTransaction.Subject, order: ID<Order>?, fee: String?) {
        while true {
            switch RowResolution.of(
                resource.source, category: resource.reportingCategory, owner: owner, known: known)
            {
            case .resolved(let subject, let order, let fee): return (subject, order, fee)
            case .needsCharge(let id):
                let charge = try await stripe.send(RetrieveCharge(StripeChargeID(id)), priority: priority)
                if let order = charge.soukOrder { known.orders[id] = order } else { known.external.insert(id) }
            case .needsTransfer(let id):
                let transfer = try await stripe.send(RetrieveTransfer(StripeTransferID(id)), priority: priority)
                known.add(
                    KnownObjects.Transfer(
                        id: id, order: transfer.soukOrder, isAdjustment: transfer.soukAdjustment != nil),
                    charge: transfer.sourceTransaction?.id, payment: transfer.destinationPayment?.id)
            case .needsFee(let id):
                let fee = try await stripe.send(
                    RetrieveApplicationFee(StripeApplicationFeeID(id)), priority: priority)
                if let charge = fee.originatingTransaction?.id {
                    known.chargesOfFees[id] = charge
                } else {
                    known.external.insert(id)
                }
            case .needsPayment(let id):
                let payment = try await stripe.send(
                    RetrieveCharge(StripeChargeID(id), account: owner.stripeAccount), priority: priority)
                guard let transfer = payment.sourceTransfer?.id else {
                    known.external.insert(id)
                    continue
                }
                known.feesOfTransfers[transfer] = payment.applicationFee?.id
                known.transfersByPayment[id] =
                    known.transfers[transfer] ?? KnownObjects.Transfer(id: transfer, order: nil)
            }
        }
    }
}

extension StoredRow {
    fileprivate init(
        _ resource: BalanceTransactionResource, owner: BalanceOwner, seller: ID<Seller>?,
        _ subject: BalanceTransaction.Subject, _ order: ID<Order>?, _ applicationFee: String?
    ) {
        self.init(
            row: BalanceTransaction(
                id: resource.id, owner: owner, seller: seller, order: order,
                amount: Money(resource.amount, resource.currency), presented: resource.presented(in: owner),
                net: Money(resource.net, resource.currency),
                fees: resource.feeDetails.map { BalanceTransaction.Fee(type: $0.type, amount: $0.amount) },
                applicationFee: applicationFee, category: resource.reportingCategory,
                balanceType: resource.balanceType ?? "payments", subject: subject, created: resource.created),
            type: resource.type.rawValue, sourceID: resource.source?.id, availableAt: resource.availableOn)
    }
}

extension BalanceTransactionResource {
    /// The amount that the row's object has in its own currency, with the row's sign. What a seller's balance converts is
    /// not followed: it stays open.
    fileprivate func presented(in owner: BalanceOwner) -> Money? {
        guard owner == .platform else { return nil }
        switch (reportingCategory, source) {
        case ("charge", .charge(let charge)): return Money(charge.amount, charge.currency)
        case ("partial_capture_reversal", .charge(let charge)):
            return charge.amountCaptured.map { Money($0 - charge.amount, charge.currency) }
        case ("refund", .refund(let refund)): return Money(-refund.amount, refund.currency)
        case ("refund_failure", .refund(let refund)): return Money(refund.amount, refund.currency)
        case ("dispute", .dispute(let dispute)): return dispute.money.map { Money(-$0.minorUnits, $0.currency) }
        case ("dispute_reversal", .dispute(let dispute)): return dispute.money
        default: return nil
        }
    }
}

extension BalanceTransactionSource.DisputeReference {
    fileprivate var money: Money? {
        guard let amount, let currency else { return nil }
        return Money(amount, currency)
    }
}

extension Store {
    fileprivate func lastRowTime(of owner: BalanceOwner) async throws -> Timestamp? {
        try await query(
            """
            SELECT created_at FROM balance_transactions WHERE stripe_account = \(owner.code)
            ORDER BY created_at DESC LIMIT 1
            """
        ).first?.get("created_at")
    }

    fileprivate func knownRows(
        _ ids: [StripeBalanceTransactionID], of owner: BalanceOwner
    ) async throws -> Set<StripeBalanceTransactionID> {
        Set(
            try await query(
                """
                SELECT id FROM balance_transactions
                WHERE stripe_account = \(owner.code) AND id = ANY (\(ids.map(\.rawValue)))
                """
            ).map { try $0.get("id") })
    }

    /// Payouts that come back in this page and of which the books have nothing: they were sent before they were opened.
    fileprivate func payouts(
        of page: [BalanceTransactionResource], sentBefore opening: Timestamp, owner: BalanceOwner
    ) async throws -> [String] {
        let sent = Set(page.filter { $0.reportingCategory == "payout" }.compactMap(\.source?.id))
        let returned = page.compactMap { row -> String? in
            guard case .payout(let payout) = row.source, payout.created < opening, !sent.contains(payout.cursor) else {
                return nil
            }
            return payout.cursor
        }
        guard !returned.isEmpty else { return [] }
        return try await query(
            """
            SELECT given.payout FROM unnest(\(returned)) AS given (payout)
            WHERE NOT EXISTS (SELECT 1 FROM payouts p WHERE p.stripe_id = given.payout) AND NOT EXISTS (
                SELECT 1 FROM balance_transactions b
                WHERE b.stripe_account = \(owner.code) AND b.source_id = given.payout AND b.category = 'payout')
            """
        ).map { try $0.get("payout") }
    }

    /// What the database tells of the objects behind a page of rows.
    fileprivate func knownObjects(behind page: [BalanceTransactionResource]) async throws -> KnownObjects {
        let ids = Set(page.compactMap(\.source).flatMap(\.relatedIDs)).sorted()
        var known = KnownObjects()
        // A seller's balance may be read before the platform's rows told of the transfer; the charge told already.
        let charges = try await query("SELECT transfer_id, order_id FROM charges WHERE transfer_id = ANY (\(ids))")
        for row in charges {
            known.add(
                KnownObjects.Transfer(id: try row.get("transfer_id"), order: try row.get("order_id")), charge: nil,
                payment: nil)
        }
        let transfers = try await query(
            """
            SELECT stripe_id, order_id, charge_id, destination_payment,
                EXISTS (SELECT 1 FROM adjustments a WHERE a.transfer_id = t.id) AS is_adjustment, (
                SELECT max(b.application_fee_id) FROM balance_transactions b WHERE b.subject_id = t.stripe_id) AS fee
            FROM transfers t
            WHERE stripe_id IS NOT NULL
                AND (stripe_id = ANY (\(ids)) OR charge_id = ANY (\(ids)) OR destination_payment = ANY (\(ids)))
            """)
        for row in transfers {
            known.add(
                KnownObjects.Transfer(
                    id: try row.get("stripe_id"), order: try row.get("order_id"),
                    isAdjustment: try row.get("is_adjustment")),
                charge: try row.get("charge_id"), payment: try row.get("destination_payment"))
            known.feesOfTransfers[try row.get("stripe_id")] = try row.get("fee", as: String?.self)
        }
        let subjects = try await query(
            """
            SELECT DISTINCT subject_id, order_id FROM balance_transactions
            WHERE subject_id = ANY (\(ids)) AND order_id IS NOT NULL
                AND subject_kind IN ('charge', 'application_fee')
            """)
        let sellers = try await query("SELECT stripe_account FROM seller_accounts WHERE stripe_account = ANY (\(ids))")
        known.sellerAccounts = Set(try sellers.map { try $0.get("stripe_account") })
        for row in subjects { known.orders[try row.get("subject_id")] = try row.get("order_id") as ID<Order> }
        return known
    }
}

extension BalanceTransactionSource {
    /// The objects whose ownership decides that of a row from this source.
    fileprivate var relatedIDs: [String] {
        switch self {
        case .charge(let charge): [charge.cursor, charge.sourceTransfer?.id].compactMap(\.self)
        case .transferReversal(let reversal): [reversal.transfer.id.rawValue]
        case .applicationFee(let fee): [fee.cursor, fee.originatingTransaction?.id].compactMap(\.self)
        case .feeRefund(let refund): [refund.fee.id.rawValue]
        case .refund(let refund): [refund.charge?.id.rawValue].compactMap(\.self)
        case .dispute(let dispute): [dispute.charge?.id.rawValue].compactMap(\.self)
        case .collection(let collection): [collection.destination?.id.rawValue].compactMap(\.self)
        case .transfer, .payout, .other, .id: []
        }
    }
}

extension StoreTransaction {
    /// Keeps our list of transfers: each as its row shows it.
    func saveTransfers(_ page: [BalanceTransactionResource], owner: BalanceOwner) async throws {
        let transfers = page.compactMap { resource -> TransferResource? in
            guard case .transfer(let transfer) = resource.source, owner == .platform else { return nil }
            return transfer
        }
        guard !transfers.isEmpty else { return }
        // Souk's own have a row from before they were made; the answer that tells their ids may be on its way still.
        try await execute(
            """
            UPDATE transfers t SET stripe_id = given.stripe_id, destination_payment = given.payment
            FROM unnest(
                \(transfers.map { $0.metadata["souk_operation"] }), \(transfers.map(\.id)),
                \(transfers.map(\.destinationPayment?.id))
            ) AS given (operation, stripe_id, payment)
            WHERE t.operation_id = given.operation AND t.stripe_id IS NULL
            """)
        try await execute(
            """
            INSERT INTO transfers (id, stripe_id, stripe_account, seller_id, order_id, transfer_group, charge_id,
                destination_payment, currency, amount_minor, state, made_at, created_at, updated_at)
            SELECT given.id, given.stripe_id, coalesce(given.destination, ''), s.seller_id, given.order_id,
                given.transfer_group, given.charge_id, given.payment, given.currency, given.amount, 'paid', given.created,
                given.created, \(now)
            FROM unnest(
                \(transfers.map { _ in makeID(Transfer.self) }), \(transfers.map(\.id)),
                \(transfers.map(\.destination?.id.rawValue)), \(transfers.map(\.soukOrder?.rawValue)),
                \(transfers.map(\.transferGroup)), \(transfers.map(\.sourceTransaction?.id)),
                \(transfers.map(\.destinationPayment?.id)), \(transfers.map(\.currency)), \(transfers.map(\.amount)),
                \(transfers.map(\.created))
            ) AS given (id, stripe_id, destination, order_id, transfer_group, charge_id, payment, currency, amount,
                created)
            LEFT JOIN seller_accounts s ON s.stripe_account = given.destination
            ORDER BY given.stripe_id
            ON CONFLICT (stripe_id) DO NOTHING
            """)
    }

    /// How much of each transfer has come back, from reversal rows that are new: for a transfer of ours the sum of its
    /// rows, for any other one more amount, since its rows do not name it.
    func updateReversedAmounts(_ page: [BalanceTransactionResource], owner: BalanceOwner) async throws {
        let reversals = page.compactMap { resource -> TransferReversalResource? in
            guard case .transferReversal(let reversal) = resource.source, owner == .platform else { return nil }
            return reversal
        }
        guard !reversals.isEmpty else { return }
        try await execute(
            """
            UPDATE transfers t SET updated_at = \(now), amount_reversed_minor = CASE
                WHEN t.order_id IS NULL THEN t.amount_reversed_minor + given.amount
                ELSE (
                    SELECT coalesce(sum(b.amount_minor), 0) FROM balance_transactions b
                    WHERE b.stripe_account = 'platform' AND b.category = 'transfer_reversal'
                        AND b.subject_id = t.stripe_id) END
            FROM (
                SELECT id, sum(amount)::bigint AS amount
                FROM unnest(\(reversals.map(\.transfer.id)), \(reversals.map(\.amount))) AS given (id, amount) GROUP BY id
            ) AS given
            WHERE t.stripe_id = given.id
            """)
    }
}
