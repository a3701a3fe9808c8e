package import Domain
import Hummingbird
import Store
import Web

/// A seller as callers see it: in answers, in lists and in `seller.*` events.
package struct SellerBody: ResponseEncodable, Sendable {
    let id: ID<Seller>
    let object = "seller"
    let externalID: String
    let email: String?
    let country: String
    let businessType: BusinessType?
    let stripeAccount: StripeAccountID?
    /// Those that the seller had before, the last one at the end.
    let formerStripeAccounts: [StripeAccountID]
    let origin: SellerOrigin
    let status: SellerStatus
    let chargesEnabled: Bool
    let payoutsEnabled: Bool
    let detailsSubmitted: Bool
    let capabilities: [String: CapabilityStatus]
    let requirements: AccountRequirements
    let futureRequirements: AccountRequirements
    /// What the seller can do or has to wait for, most urgent first.
    let attention: [AttentionBody]
    /// Whether an order for this seller can be charged as a destination charge now, and if not, why.
    let canBeCharged: Bool
    let cannotBeChargedBecause: String?
    let defaultCurrency: String?
    /// As Stripe says them; null and empty until it has.
    let payoutSchedule: PayoutSchedule?
    let payoutDestinations: [PayoutDestination]
    let hold: HoldBody?
    /// What Souk has yet to finish at Stripe for this seller, or could not.
    let operation: SellerOperationBody?
    let metadata: Metadata
    let created: Timestamp
    let updated: Timestamp
    let deauthorizedAt: Timestamp?
    let livemode: Bool

    package init(_ seller: SellerRecord, operation: SellerOperation?) {
        id = seller.id
        externalID = seller.externalID
        email = seller.email
        country = seller.country
        businessType = seller.businessType
        stripeAccount = seller.stripeAccount
        formerStripeAccounts = seller.formerAccounts
        origin = seller.origin
        status = seller.status
        chargesEnabled = seller.account?.chargesEnabled ?? false
        payoutsEnabled = seller.account?.payoutsEnabled ?? false
        detailsSubmitted = seller.account?.detailsSubmitted ?? false
        capabilities = seller.account?.capabilities ?? [:]
        requirements = seller.account?.requirements ?? .none
        futureRequirements = seller.account?.futureRequirements ?? .none
        attention = seller.attention.map(AttentionBody.init)
        let obstacle = seller.obstacleToDestinationCharge
        canBeCharged = obstacle == nil
        cannotBeChargedBecause = obstacle?.message
        defaultCurrency = seller.account?.defaultCurrency
        payoutSchedule = seller.account?.payoutSchedule
        payoutDestinations = seller.account?.payoutDestinations ?? []
        hold = seller.hold.map(HoldBody.init)
        self.operation = operation.map(SellerOperationBody.init)
        metadata = seller.metadata
        created = seller.created
        updated = seller.updated
        deauthorizedAt = seller.deauthorizedAt
        livemode = seller.livemode
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, externalID, email, country, businessType, stripeAccount, formerStripeAccounts, origin, status,
            chargesEnabled, payoutsEnabled, detailsSubmitted, capabilities, requirements, futureRequirements, attention,
            canBeCharged,
            cannotBeChargedBecause, defaultCurrency, payoutSchedule, payoutDestinations, hold, operation, metadata,
            created, updated, deauthorizedAt, livemode
    }
}

struct AttentionBody: Encodable, Sendable {
    let type: String
    let message: String
    let fields: [String]
    let deadline: Timestamp?
    let sellerCanAct: Bool

    init(_ attention: SellerAttention) {
        type = attention.name
        message = attention.words
        fields = attention.fields
        deadline = attention.deadline
        sellerCanAct = attention.sellerCanAct
    }
}

struct HoldBody: Encodable, Sendable {
    let reason: String
    let since: Timestamp

    init(_ hold: SellerHold) {
        reason = hold.reason
        since = hold.since
    }
}

struct SellerOperationBody: Encodable, Sendable {
    let id: ID<Operation>
    let kind: String
    let state: String
    let reason: String?

    init(_ operation: SellerOperation) {
        id = operation.id
        kind = operation.kind
        state = operation.state
        reason = operation.reason
    }
}
