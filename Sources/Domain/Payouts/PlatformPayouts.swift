/// How Stripe pays out the platform's own balance, in which money of sellers may lie.
package struct PlatformPayouts: Hashable, Sendable {
    /// Stripe's word: `manual`, `daily`, `weekly` or `monthly`; nil where Stripe says nothing.
    package let interval: String?
    /// What stays in the balance whatever is paid out, for each currency that has such a minimum.
    package let minimumBalances: [Currency: Int64]

    package init(interval: String?, minimumBalances: [Currency: Int64]) {
        self.interval = interval
        self.minimumBalances = minimumBalances
    }

    /// Currencies of which Stripe may by itself send away what is owed to sellers: payouts go by themselves, and nothing of
    /// the currency is kept back from them.
    package func unguarded(among currencies: Set<Currency>) -> [Currency] {
        guard interval != "manual" else { return [] }
        return currencies.filter { minimumBalances[$0] ?? 0 <= 0 }.sorted()
    }

    /// Payouts go by themselves, and nothing of any currency is kept back from them.
    package var keepsNothing: Bool { interval != "manual" && !minimumBalances.values.contains { $0 > 0 } }
}
