package import Domain
import Postgres
import Sellers
package import Store
import Web

/// What the platform wants to give a seller.
package struct AdjustmentWish: Hashable, Sendable {
    let seller: ID<Seller>
    let amount: Money
    let reason: AdjustmentReason
    let description: String?
    let externalID: String?
    let metadata: Metadata

    package init(
        seller: ID<Seller>, amount: Money, reason: AdjustmentReason, description: String?, externalID: String?,
        metadata: Metadata
    ) {
        self.seller = seller
        self.amount = amount
        self.reason = reason
        self.description = description
        self.externalID = externalID
        self.metadata = metadata
    }

    /// - Throws: the refusal of the first field that Souk or Stripe could not take.
    func check() throws(Refusal) {
        guard amount.isPositive else {
            throw Refusal(.amountTooSmall, "An adjustment gives at least 1.", parameter: "amount")
        }
        guard amount.minorUnits <= Currency.maximumCharge else {
            throw Refusal(
                .amountTooLarge, "An adjustment gives at most \(Currency.maximumCharge) minor units.",
                parameter: "amount")
        }
        let step = amount.currency.rule.chargeStep
        guard amount.minorUnits.isMultiple(of: step) else {
            throw Refusal(
                .parameterInvalid, "An amount in \(amount.currency) is a multiple of \(step).", parameter: "amount")
        }
        if let description { try PlainText.check(description, 1...500, parameter: "description") }
        if let externalID { try PlainText.check(externalID, 1...255, parameter: "external_id") }
    }

    fileprivate func isSame(as known: AdjustmentRecord) -> Bool {
        self
            == AdjustmentWish(
                seller: known.seller, amount: known.amount, reason: known.reason, description: known.description,
                externalID: known.externalID, metadata: known.metadata)
    }
}

/// Gives a seller money that no order brought: owed from now on, and moved by a transfer out of what the platform has
/// available for itself.
package struct AdjustSeller: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// - Returns: the adjustment, and whether this call made it.
    /// - Throws: `seller_not_found`, `seller_not_ready` for a seller without an account, `external_id_taken` for other
    ///   facts.
    package func callAsFunction(
        _ wish: AdjustmentWish, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (adjustment: AdjustmentRecord, isNew: Bool) {
        try wish.check()
        let (id, isNew) = try await store.transaction { tx -> (ID<Adjustment>, Bool) in
            if let earlier = claim?.subject.flatMap({ ID<Adjustment>($0) }) { return (earlier, false) }
            guard let seller = try await tx.lockSeller(wish.seller) else {
                throw Refusal(
                    .sellerNotFound, "There is no seller '\(wish.seller)'. GET /v1/sellers lists them.", parameter: "id"
                )
            }
            if let known = try await tx.adjustment(askedBy: wish) { return (known, false) }
            let account = try seller.requireConnectedAccount(to: "be paid")
            guard let made = try await tx.write(wish, account: account, by: caller) else {
                // Another call with the same external_id, for another seller, was quicker.
                throw Refusal.externalIDTaken()
            }
            try await tx.bind(claim, to: made.rawValue)
            return (made, true)
        }
        return (try await store.requireAdjustment(id), isNew)
    }
}

extension Refusal {
    fileprivate static func externalIDTaken(_ known: ID<Adjustment>? = nil) -> Refusal {
        Refusal(
            .externalIDTaken,
            "\(known.map { "The adjustment \($0)" } ?? "Another adjustment") has this external_id and other facts. "
                + "Repeat those, or give another external_id.",
            parameter: "external_id")
    }
}

extension StoreTransaction {
    /// The adjustment that an earlier call with this `external_id` made.
    /// - Throws: `external_id_taken` unless it asked for the same.
    fileprivate func adjustment(askedBy wish: AdjustmentWish) async throws -> ID<Adjustment>? {
        guard let externalID = wish.externalID,
            let row = try await query(AdjustmentRecord.query(where: "a.external_id = \(externalID)")).first
        else { return nil }
        let known = try AdjustmentRecord(row: row)
        guard wish.isSame(as: known) else { throw Refusal.externalIDTaken(known.id) }
        return known.id
    }

    /// Writes the adjustment down with the transfer that will move it, and books it unless a second person must agree
    /// first.
    /// - Returns: nil if another adjustment has the external id.
    fileprivate func write(
        _ wish: AdjustmentWish, account: StripeAccountID, by caller: Caller
    ) async throws -> ID<Adjustment>? {
        let (id, transfer) = (makeID(Adjustment.self), makeID(Transfer.self))
        let operation = try await enqueue(
            lettingOut: wish.amount, as: .adjustment, by: caller,
            NewOperation(
                kind: .transferAdjustment, subject: id.rawValue, uniqueKey: "\(OperationKind.transferAdjustment):\(id)",
                heldBecause: "is being prepared"))
        let bookedAt = try await needsApproval(operation) ? nil : now
        try await execute(
            """
            INSERT INTO transfers (id, state, purpose, operation_id, stripe_account, seller_id, transfer_group, currency, created_at,
                updated_at)
            VALUES (\(transfer), 'held', 'adjustment', \(operation), \(account), \(wish.seller), \(id), \(wish.amount.currency), \(now),
                \(now))
            """)
        let written = try await execute(
            """
            INSERT INTO adjustments (id, external_id, seller_id, reason, description, metadata, currency, amount_minor,
                transfer_id, booked_at, created_at)
            VALUES (\(id), \(wish.externalID), \(wish.seller), \(wish.reason.rawValue), \(wish.description),
                \(try PostgresJSON(encoding: wish.metadata)), \(wish.amount.currency), \(wish.amount.minorUnits),
                \(transfer), \(bookedAt), \(now))
            ON CONFLICT (external_id) DO NOTHING
            """)
        guard written == 1 else { return nil }
        try await book(id)
        try await audit(
            "seller.adjust", subject: wish.seller.rawValue, by: caller,
            details: ["adjustment": id.rawValue, "amount": "\(wish.amount)", "reason": wish.reason.rawValue])
        return id
    }

    /// Writes the entries that an adjustment asks for by now.
    @discardableResult
    func book(_ id: ID<Adjustment>) async throws -> AdjustmentRecord {
        guard let row = try await query(AdjustmentRecord.query(where: "a.id = \(id)")).first else {
            throw AdjustmentError.missing(id.rawValue)
        }
        let adjustment = try AdjustmentRecord(row: row)
        try await append(try adjustment.entries())
        return adjustment
    }
}
