package import Domain
import Hummingbird
import Postgres
package import Store
import Web

/// An act of letting go of sellers' shares, by the marketplace's word.
package enum OrderRelease: Identified { package static let idPrefix = "rel" }

/// Releases an order's shares: whole, of one seller, or by lines. Each share is released once, whoever asks how often.
package struct ReleaseOrder: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// - Parameters:
    ///   - id: the order.
    ///   - body: what of it.
    ///   - mayReleaseEarly: whether the caller may let go of what the order's own rule would hold longer.
    ///   - caller: on whose behalf, for the audit log.
    ///   - claim: the caller's idempotency key, under which an earlier try may have released already.
    /// - Returns: the release, and whether this call made it.
    /// - Throws: `order_not_found`, `illegal_transition` saying why nothing can be released, `parameter_invalid` for
    ///   what the order does not have, `scope_missing` for an early release, `external_id_taken` for other facts.
    package func callAsFunction(
        _ id: ID<Order>, _ body: ReleaseOrderBody, mayReleaseEarly: Bool, by caller: Caller,
        claim: IdempotencyClaim? = nil
    ) async throws -> (release: ID<OrderRelease>, isNew: Bool) {
        try body.check()
        return try await store.transaction { tx in
            if let earlier = claim?.subject.flatMap({ ID<OrderRelease>($0) }) { return (earlier, false) }
            // Two calls with one external_id for one order wait for each other here.
            let order = try await tx.requireLockedOrder(id)
            if let known = try await tx.release(saying: body, of: id) { return (known, false) }
            let made = try await tx.release(order, body, mayReleaseEarly: mayReleaseEarly, by: caller)
            try await tx.bind(claim, to: made.rawValue)
            return (made, true)
        }
    }
}

/// What a caller says to release shares. Kept, so that a repetition can be told from another call.
package struct ReleaseOrderBody: Hashable, Sendable, Codable {
    let externalID: String?
    let seller: ID<Seller>?
    let lines: [ID<OrderLine>]?

    private enum CodingKeys: String, CodingKey {
        case seller, lines
        case externalID = "external_id"
    }

    func check() throws(Refusal) {
        if let externalID { try PlainText.check(externalID, 1...255, parameter: "external_id") }
        guard seller == nil || lines == nil else {
            throw Refusal(
                .parameterInvalid, "Name either a seller or lines; nothing means the whole order.", parameter: "lines")
        }
        if let lines, lines.isEmpty || Set(lines).count != lines.count {
            throw Refusal(.parameterInvalid, "lines names at least one line, and each once.", parameter: "lines")
        }
    }
}

extension StoreTransaction {
    /// The release that an earlier call with this `external_id` made.
    /// - Throws: `external_id_taken` unless it asked for the same.
    fileprivate func release(saying body: ReleaseOrderBody, of order: ID<Order>) async throws -> ID<OrderRelease>? {
        guard let externalID = body.externalID else { return nil }
        let rows = try await query("SELECT id, order_id, request FROM releases WHERE external_id = \(externalID)")
        guard let row = rows.first else { return nil }
        let id: ID<OrderRelease> = try row.get("id")
        guard try row.get("order_id") == order,
            try row.get("request", as: PostgresJSON.self).read(as: ReleaseOrderBody.self) == body
        else {
            throw Refusal(
                .externalIDTaken,
                "The release \(id) has this external_id and released something else. Repeat its facts, or give another "
                    + "external_id.",
                parameter: "external_id")
        }
        return id
    }

    fileprivate func release(
        _ order: OrderRecord, _ body: ReleaseOrderBody, mayReleaseEarly: Bool, by caller: Caller
    ) async throws -> ID<OrderRelease> {
        let lines = try order.linesToRelease(body, at: now)
        if !mayReleaseEarly, case .afterDays = order.release {
            throw Refusal(
                .scopeMissing,
                "The order \(order.id) is released \(order.release.days ?? 0) days after its payment. Only a key with the "
                    + "scope 'admin' may release it earlier.")
        }
        let id = makeID(OrderRelease.self)
        let written = try await execute(
            """
            INSERT INTO releases (id, order_id, external_id, request, created_at)
            VALUES (\(id), \(order.id), \(body.externalID), \(try PostgresJSON(encoding: body)), \(now))
            ON CONFLICT (external_id) DO NOTHING
            """)
        guard written == 1 else {
            // Another order's release was quicker with this external_id, and has committed.
            throw Refusal(
                .externalIDTaken, "Another release has this external_id. Give another one.", parameter: "external_id")
        }
        try await release(lines, of: order, at: now, by: id, askedBy: caller.apiKey)
        try await audit("order.release", subject: order.id.rawValue, by: caller)
        return id
    }
}

extension OrderRecord {
    /// The lines whose shares a caller's words let go now. A seller's discounts go with that seller's first lines, so
    /// that never more is paid than all lines together are worth.
    fileprivate func linesToRelease(_ body: ReleaseOrderBody, at now: Timestamp) throws -> [OrderLine] {
        guard shape == .separate else {
            throw Refusal(
                .illegalTransition,
                "The order \(id) is a destination charge: its seller has the money with the payment, and "
                    + "nothing is held."
            )
        }
        guard charge != nil, status.isPaid, status != .failedAfterPayment else {
            throw Refusal(
                .illegalTransition,
                "The order \(id) is \(status.rawValue): shares can be released once it is paid.")
        }
        if let seller = body.seller, !sellers.contains(where: { $0.seller == seller }) {
            throw Refusal(.parameterInvalid, "The order \(id) has no seller \(seller).", parameter: "seller")
        }
        func isOpen(_ line: OrderLine) -> Bool {
            guard line.beneficiary != nil, !line.parts.sellerAmount.isZero else { return false }
            guard let release = releases[line.id] else { return true }
            // Of two calls at once the later one may have looked at the clock first.
            return release.isByRule && release.releasedAt > now && release.taker == nil
        }
        for name in body.lines ?? [] {
            guard let line = lines.first(where: { $0.id == name }), line.beneficiary != nil else {
                throw Refusal(
                    .parameterInvalid, "The order \(id) has no line \(name) with a seller's share.", parameter: "lines")
            }
            guard isOpen(line) || line.parts.sellerAmount.isZero else { throw alreadyReleased("the line \(name)") }
        }
        let asked = lines.filter { line in
            isOpen(line) && (body.seller == nil || line.beneficiary == body.seller)
                && (body.lines?.contains(line.id) ?? true)
        }
        guard !asked.isEmpty else {
            throw alreadyReleased(body.seller.map { "every share of the seller \($0)" } ?? "every share that you name")
        }
        let sellers = Set(asked.compactMap(\.beneficiary))
        return lines.filter { line in
            isOpen(line)
                && (asked.contains(line)
                    || line.parts.sellerAmount.isNegative && line.beneficiary.map(sellers.contains) == true)
        }
    }

    private func alreadyReleased(_ what: String) -> Refusal {
        Refusal(
            .illegalTransition,
            "Of the order \(id) \(what) has been released already. GET /v1/orders/\(id) shows its transfers.")
    }
}

/// A release as callers see it.
struct OrderReleaseBody: ResponseEncodable, Sendable {
    let id: ID<OrderRelease>
    let object = "release"
    let order: ID<Order>
    let externalID: String?
    let lines: [ID<OrderLine>]
    let transfers: [TransferBody]
    let created: Timestamp

    private enum CodingKeys: String, CodingKey {
        case id, object, order, externalID, lines, transfers, created
    }
}

extension Store {
    fileprivate func body(of release: ID<OrderRelease>) async throws -> OrderReleaseBody {
        let rows = try await query("SELECT order_id, external_id, created_at FROM releases WHERE id = \(release)")
        guard let row = rows.first else { throw OrderError.orderMissing(release.rawValue) }
        let lines = try await query("SELECT id FROM order_lines WHERE release_id = \(release) ORDER BY position")
        let transfers = try await query(
            TransferBody.query(
                where: "t.id IN (SELECT transfer_id FROM order_lines WHERE release_id = \(release)) ORDER BY t.id"))
        return OrderReleaseBody(
            id: release, order: try row.get("order_id"), externalID: try row.get("external_id"),
            lines: try lines.map { try $0.get("id") }, transfers: try transfers.map(TransferBody.init),
            created: try row.get("created_at"))
    }
}

extension TransferBody: ResponseEncodable {}

extension OrderRoutes {
    @Sendable func release(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<OrderReleaseBody> {
        let body = try await request.decode(as: ReleaseOrderBody.self, context: context)
        let (release, isNew) = try await releaseOrder(
            try context.orderID(), body, mayReleaseEarly: context.principal.may(.admin), by: context.caller,
            claim: context.idempotency)
        let isMade = isNew || context.idempotency?.subject == release.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: try await store.body(of: release))
    }
}
