import Domain
import Ledger
package import Store
package import StripeAPI

/// Sees the operation `create_account` to its end: the seller gets the account that Stripe made.
package struct FinishAccountCreation: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.createAccount
    package let provingEvents = ["account.updated"]

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let account = try StripeAnswer(status: 200, body: answer).decode(AccountResource.self)
        guard let id = ID<Seller>(operation.subject), let seller = try await tx.lockSeller(id) else {
            throw SellerError.sellerMissing(operation.subject)
        }
        try await tx.attach(account, to: seller)
        return account.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        // Nothing was made. The caller sees Stripe's own sentence, corrects the facts and calls again.
        .fail(because: "Stripe refused to make the account: \(refusal.message)")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        try await stripe.findCreated(by: operation, in: ListAccounts(), tellingBy: \.metadata) {
            RetrieveAccount($0.id).request
        }
    }
}

extension StoreTransaction {
    /// Ties a new account to its seller. Facts that came by a later event are newer than the answer and stay.
    func attach(_ account: AccountResource, to seller: SellerRecord) async throws {
        guard seller.stripeAccount == nil else {
            guard seller.stripeAccount == account.id else {
                throw SellerError.secondAccount(account.id, for: seller.id)
            }
            return
        }
        var changed = seller
        changed.stripeAccount = account.id
        changed.account = AccountFacts(account)
        try await save(changed, was: seller)
        try await requestFeed(of: .connected(account.id))
    }
}
