package import Domain
import Hummingbird
package import Store
import Web

/// Changes the marketplace's own notes on a seller: the address and the metadata. Nothing goes to Stripe, where the
/// seller's data belong to the seller once onboarding has begun.
package struct UpdateSeller: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func callAsFunction(
        _ id: ID<Seller>, email: String?, metadata: MetadataChange?, by caller: Caller
    ) async throws -> SellerRecord {
        if let email { try SellerApplication.check(email: email) }
        return try await store.transaction { tx in
            guard let seller = try await tx.lockSeller(id) else { throw Refusal.noSuchSeller(id) }
            var changed = seller
            if let email { changed.email = email }
            if let metadata { changed.metadata = try seller.metadata.applying(metadata) }
            let saved = try await tx.save(changed, was: seller)
            try await tx.audit("seller.update", subject: id.rawValue, by: caller)
            return saved
        }
    }
}

extension SellerRoutes {
    struct UpdateBody: Decodable {
        let email: String?
        let metadata: MetadataChange?
    }

    @Sendable func update(_ request: Request, _ context: SoukContext) async throws -> SellerBody {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: UpdateBody.self, context: context)
        let seller = try await UpdateSeller(store: store)(
            id, email: body.email, metadata: body.metadata, by: context.caller)
        return try await store.body(of: seller)
    }
}
