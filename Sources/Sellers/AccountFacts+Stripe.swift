package import Domain
package import StripeAPI

extension AccountFacts {
    /// What Souk keeps of Stripe's account object.
    package init(_ account: AccountResource) {
        self.init(
            country: account.country ?? "", defaultCurrency: account.defaultCurrency?.code, email: account.email,
            businessType: account.businessType, chargesEnabled: account.chargesEnabled,
            payoutsEnabled: account.payoutsEnabled, detailsSubmitted: account.detailsSubmitted,
            capabilities: account.capabilities.mapValues { CapabilityStatus(rawValue: $0.rawValue) },
            requirements: AccountRequirements(account.requirements),
            futureRequirements: AccountRequirements(account.futureRequirements),
            payoutSchedule: account.settings?.payouts?.schedule.flatMap(PayoutSchedule.init),
            payoutDestinations: account.externalAccounts?.data.map(PayoutDestination.init))
    }
}

extension PayoutSchedule {
    /// - Returns: nil where Stripe names no interval.
    fileprivate init?(_ stripe: AccountResource.Settings.Schedule) {
        guard let interval = stripe.interval else { return nil }
        self.init(
            interval: interval, weeklyAnchor: stripe.weeklyAnchor, monthlyAnchor: stripe.monthlyAnchor,
            delayDays: stripe.delayDays)
    }
}

extension PayoutDestination {
    fileprivate init(_ stripe: AccountResource.ExternalAccount) {
        self.init(
            id: stripe.id, type: stripe.object, currency: stripe.currency?.code, last4: stripe.last4,
            bankName: stripe.bankName, status: stripe.status, isDefault: stripe.defaultForCurrency ?? false)
    }
}

extension AccountRequirements {
    fileprivate init(_ stripe: AccountResource.Requirements?) {
        guard let stripe else {
            self = .none
            return
        }
        self.init(
            currentlyDue: stripe.currentlyDue ?? [], pastDue: stripe.pastDue ?? [],
            eventuallyDue: stripe.eventuallyDue ?? [], pendingVerification: stripe.pendingVerification ?? [],
            currentDeadline: stripe.currentDeadline,
            disabledReason: stripe.disabledReason.map(DisabledReason.init(rawValue:)),
            errors: (stripe.errors ?? []).map {
                RequirementError(code: $0.code, reason: $0.reason, requirement: $0.requirement)
            })
    }
}
