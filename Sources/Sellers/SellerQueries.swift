package import Domain
package import Postgres
package import Store
import StripeAPI
import Web

// How sellers stand in the table `sellers`. Everything that changes one locks its row first and saves it whole.

extension StoreTransaction {
    package func lockSeller(_ id: ID<Seller>) async throws -> SellerRecord? {
        try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE id = \(id) FOR UPDATE"
        ).first.map(SellerRecord.init)
    }

    package func lockSeller(stripeAccount: StripeAccountID) async throws -> SellerRecord? {
        try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE stripe_account = \(stripeAccount) FOR UPDATE"
        ).first.map(SellerRecord.init)
    }

    /// A seller who stays as they are until the transaction ends.
    package func sellerForShare(_ id: ID<Seller>) async throws -> SellerRecord? {
        try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE id = \(id) FOR SHARE"
        ).first.map(SellerRecord.init)
    }

    /// - Returns: false if another seller has the external id.
    func insert(_ seller: SellerRecord, application: SellerApplication) async throws -> Bool {
        try await execute(
            """
            INSERT INTO sellers
                (id, external_id, email, country, business_type, metadata, creation, origin, livemode, stripe_account,
                 account, status, created_at, updated_at)
            VALUES (\(seller.id), \(seller.externalID), \(seller.email), \(seller.country),
                \(seller.businessType?.rawValue), \(try PostgresJSON(encoding: seller.metadata)),
                \(try PostgresJSON(encoding: application)), \(seller.origin.rawValue), \(seller.livemode),
                \(seller.stripeAccount), \(try seller.account.map(PostgresJSON.init(encoding:))),
                \(seller.status.rawValue), \(seller.created), \(seller.updated))
            ON CONFLICT (external_id) DO NOTHING
            """) == 1
    }

    /// Brings the seller up to what Stripe answered to a change of the account.
    func follow(_ answer: [UInt8], to operation: OperationRecord) async throws -> StripeAccountID {
        let account = try StripeAnswer(status: 200, body: answer).decode(AccountResource.self)
        guard let seller = try await lockSeller(stripeAccount: account.id) else {
            throw SellerError.sellerMissing(operation.subject)
        }
        var changed = seller
        changed.account = AccountFacts(account)
        try await save(changed, was: seller)
        return account.id
    }

    /// Writes a locked seller back. Where a caller would see a difference it is announced; else nothing is written.
    /// - Returns: the seller as it stands now.
    @discardableResult
    package func save(_ changed: SellerRecord, was before: SellerRecord) async throws -> SellerRecord {
        guard !changed.looksLike(before) else { return before }
        var seller = changed
        seller.updated = now
        try await execute(
            """
            UPDATE sellers
            SET email = \(seller.email), country = \(seller.country),
                business_type = \(seller.businessType?.rawValue), metadata = \(try PostgresJSON(encoding: seller.metadata)),
                stripe_account = \(seller.stripeAccount),
                account = \(try seller.account.map(PostgresJSON.init(encoding:))),
                deauthorized_at = \(seller.deauthorizedAt), held_at = \(seller.hold?.since),
                hold_reason = \(seller.hold?.reason), status = \(seller.status.rawValue), updated_at = \(now)
            WHERE id = \(seller.id)
            """)
        try await announce("seller.updated", seller)
        try await wakeOperations(waitingFor: seller.id.rawValue)
        return seller
    }

    /// Tells the marketplace of a seller's change.
    func announce(_ type: String, _ seller: SellerRecord) async throws {
        try await announce(
            type, about: seller.id.rawValue, SellerBody(seller, operation: nil))
    }
}

extension Store {
    package func seller(_ id: ID<Seller>) async throws -> SellerRecord? {
        try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE id = \(id)"
        ).first.map(SellerRecord.init)
    }

    package func seller(stripeAccount: StripeAccountID) async throws -> SellerRecord? {
        try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE stripe_account = \(stripeAccount)"
        ).first.map(SellerRecord.init)
    }

    /// The seller that was registered with exactly these facts.
    func seller(appliedAs application: SellerApplication) async throws -> SellerRecord? {
        let rows = try await query(
            """
            SELECT \(unescaped: SellerRecord.columns), creation FROM sellers
            WHERE external_id = \(application.externalID)
            """)
        guard let row = rows.first else { return nil }
        let before = try row.get("creation", as: PostgresJSON.self).read(as: SellerApplication.self)
        return before == application ? try SellerRecord(row: row) : nil
    }

    /// - Throws: `seller_not_found`.
    package func requireSeller(_ id: ID<Seller>) async throws -> SellerRecord {
        guard let seller = try await seller(id) else { throw Refusal.noSuchSeller(id) }
        return seller
    }
}

extension Refusal {
    static func noSuchSeller(_ id: ID<Seller>) -> Refusal {
        Refusal(.sellerNotFound, "There is no seller \(id). GET /v1/sellers lists them.", parameter: "id")
    }
}

extension SellerRecord {
    package static let columns = """
        id, external_id, email, country, business_type, metadata, origin, stripe_account, account, deauthorized_at, \
        held_at, hold_reason, livemode, created_at, updated_at, ARRAY(
            SELECT f.stripe_account FROM former_accounts f WHERE f.seller_id = sellers.id ORDER BY f.replaced_at
        ) AS former_accounts
        """

    package init(row: PostgresRow) throws {
        let businessType: String? = try row.get("business_type")
        let heldAt: Timestamp? = try row.get("held_at")
        let holdReason: String? = try row.get("hold_reason")
        var hold: SellerHold?
        if let heldAt, let holdReason { hold = SellerHold(reason: holdReason, since: heldAt) }
        self.init(
            id: try row.get("id"), externalID: try row.get("external_id"), email: try row.get("email"),
            country: try row.get("country"), businessType: businessType.flatMap(BusinessType.init(rawValue:)),
            metadata: try row.get("metadata", as: PostgresJSON.self).read(as: Metadata.self),
            origin: try row.known("origin"), stripeAccount: try row.get("stripe_account"),
            formerAccounts: try row.get("former_accounts", as: [String].self).map { StripeAccountID($0) },
            account: try row.get("account", as: PostgresJSON?.self)?.read(as: AccountFacts.self),
            deauthorizedAt: try row.get("deauthorized_at"), hold: hold, livemode: try row.get("livemode"),
            created: try row.get("created_at"), updated: try row.get("updated_at"))
    }
}

extension PostgresJSON {
    init(encoding value: some Encodable) throws {
        self.init(String(decoding: try JSONWriter.encode(value), as: UTF8.self))
    }
}

/// Something is wrong with Souk's own rows: for the log and the operation's reason, never for callers.
package enum SellerError: Error, CustomStringConvertible {
    case sellerMissing(String)
    /// Stripe made a second account for one seller.
    case secondAccount(StripeAccountID, for: ID<Seller>)

    package var description: String {
        switch self {
        case .sellerMissing(let id): "the seller \(id) of an operation does not exist"
        case .secondAccount(let account, let seller):
            "Stripe shows \(account) for seller \(seller), which has another account already: close one of them"
        }
    }
}
