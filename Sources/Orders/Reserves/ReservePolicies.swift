import Domain
import Hummingbird
import Postgres
import Sellers
import Store
import Web

// What an admin says of sellers' reserves. An order keeps the terms that were in force when it was placed.
extension StoreTransaction {
    /// The terms in force of those sellers that have some.
    func reserveTerms(of sellers: [ID<Seller>]) async throws -> [ID<Seller>: ReserveTerms] {
        let rows = try await query(
            "SELECT seller_id, basis_points, days FROM reserve_policies WHERE seller_id = ANY (\(sellers))")
        var terms: [ID<Seller>: ReserveTerms] = [:]
        for row in rows {
            terms[try row.get("seller_id")] = try ReserveTerms(
                basisPoints: try row.get("basis_points"), days: try row.get("days"))
        }
        return terms
    }
}

/// Sets what is held back of a seller's orders from now on, or ends it. What is held already keeps its date.
struct SetReserve: Sendable {
    let store: Store

    /// Without terms nothing is held back of orders that are placed from now on.
    /// - Throws: `seller_not_found`.
    func callAsFunction(_ seller: ID<Seller>, _ terms: ReserveTerms?, by caller: Caller) async throws {
        try await store.transaction { tx in
            guard try await tx.sellerForShare(seller) != nil else { throw Refusal.noSellerToReserve(seller) }
            guard let terms else {
                try await tx.execute("DELETE FROM reserve_policies WHERE seller_id = \(seller)")
                return try await tx.audit("seller.reserve_ended", subject: seller.rawValue, by: caller)
            }
            try await tx.execute(
                """
                INSERT INTO reserve_policies (seller_id, basis_points, days, updated_at)
                VALUES (\(seller), \(terms.basisPoints), \(terms.days), \(tx.now))
                ON CONFLICT (seller_id) DO UPDATE
                    SET basis_points = excluded.basis_points, days = excluded.days, updated_at = excluded.updated_at
                """)
            try await tx.audit(
                "seller.reserve", subject: seller.rawValue, by: caller,
                details: ["basis_points": "\(terms.basisPoints)", "days": "\(terms.days)"])
        }
    }
}

extension Refusal {
    fileprivate static func noSellerToReserve(_ id: ID<Seller>) -> Refusal {
        Refusal(.sellerNotFound, "There is no seller \(id). GET /v1/sellers lists them.", parameter: "id")
    }
}

/// What is held back from a seller, and what will be.
struct ReserveBody: ResponseEncodable, Sendable {
    let object = "seller_reserve"
    let seller: ID<Seller>
    /// Of the share of each order that is placed from now on; null: nothing is held back of them.
    let basisPoints: Int64?
    let days: Int64?
    /// What is held back now, by currency.
    let held: [Held]
    /// The next dates, the earliest first; at most `ReserveBody.maximumReleases`.
    let releases: [Release]

    struct Held: Encodable, Sendable {
        let amount: Int64
        let currency: Currency
    }

    /// What is let go of one order at one moment.
    struct Release: Encodable, Sendable {
        let releaseAt: Timestamp
        let amount: Int64
        let currency: Currency
        let order: ID<Order>
        let transfer: ID<Transfer>
    }

    static let maximumReleases = 100

    private enum CodingKeys: String, CodingKey { case object, seller, basisPoints, days, held, releases }
}

extension Store {
    /// - Throws: `seller_not_found`.
    func reserve(of seller: ID<Seller>) async throws -> ReserveBody {
        try await transaction { tx in
            guard try await tx.sellerForShare(seller) != nil else { throw Refusal.noSellerToReserve(seller) }
            let terms = try await tx.reserveTerms(of: [seller])[seller]
            let held = try await tx.query(
                """
                SELECT currency, sum(held_minor)::bigint AS amount FROM reserves_held
                WHERE seller_id = \(seller) AND held_minor > 0 GROUP BY currency ORDER BY currency
                """)
            let releases = try await tx.query(
                """
                SELECT release_at, held_minor, currency, order_id, transfer_id FROM reserves_held
                WHERE seller_id = \(seller) AND held_minor > 0 ORDER BY release_at, transfer_id
                LIMIT \(Int64(ReserveBody.maximumReleases))
                """)
            return ReserveBody(
                seller: seller, basisPoints: terms?.basisPoints, days: terms?.days,
                held: try held.map { ReserveBody.Held(amount: try $0.get("amount"), currency: try $0.get("currency")) },
                releases: try releases.map {
                    ReserveBody.Release(
                        releaseAt: try $0.get("release_at"), amount: try $0.get("held_minor"),
                        currency: try $0.get("currency"), order: try $0.get("order_id"),
                        transfer: try $0.get("transfer_id"))
                })
        }
    }
}
