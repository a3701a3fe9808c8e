package import Domain
import Hummingbird
package import Store
import Web

/// Sets or releases the marketplace's own brake on a seller: while it is on, no order can be placed for the seller and
/// nothing is paid out to them. What is already paid by buyers stays where it is.
package struct HoldSeller: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// - Parameters:
    ///   - id: the seller.
    ///   - reason: why, for whoever reads it later; nil releases the hold.
    ///   - caller: on whose behalf, for the audit log.
    /// - Returns: the seller as it stands now.
    /// - Throws: `seller_not_found`.
    package func callAsFunction(
        _ id: ID<Seller>, because reason: String?, by caller: Caller
    ) async throws -> SellerRecord {
        try await store.transaction { tx in
            guard let seller = try await tx.lockSeller(id) else { throw Refusal.noSuchSeller(id) }
            var changed = seller
            changed.hold = reason.map { SellerHold(reason: $0, since: seller.hold?.since ?? tx.now) }
            let saved = try await tx.save(changed, was: seller)
            try await tx.audit(reason == nil ? "seller.release" : "seller.hold", subject: id.rawValue, by: caller)
            return saved
        }
    }
}

extension SellerRoutes {
    struct HoldRequest: Decodable {
        let held: Bool
        let reason: String?
    }

    @Sendable func hold(_ request: Request, _ context: SoukContext) async throws -> SellerBody {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: HoldRequest.self, context: context)
        if let reason = body.reason { try PlainText.check(reason, 1...500, parameter: "reason") }
        if body.held, body.reason == nil {
            throw Refusal(.parameterMissing, "Say why the seller is held.", parameter: "reason")
        }
        let seller = try await HoldSeller(store: store)(
            id, because: body.held ? body.reason : nil, by: context.caller)
        return try await store.body(of: seller)
    }
}
